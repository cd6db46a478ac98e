// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"fmt"

	"github.com/eetcd-go/eetcd/etcderr"
)

// Written is what [PutMany] has written.
type Written struct {
	Pairs     int   // pairs of the sequence, all of them
	Revisions int   // transactions, of which each made a revision
	Rev       int64 // the newest of these revisions, at which all pairs are written; 0 if there were no pairs
}

// PartialError is the failure of [PutMany]. It counts the pairs taken from the sequence, in their order: the first ones are
// written, then come those that may be written, and the rest is not. So pairs[e.Written:] is what remains to be done, and only a
// read can tell which of the first e.Unknown pairs among these are written.
//
// It wraps Err. It does not change, and is safe for concurrent use.
type PartialError struct {
	Written    int   // pairs that are certainly written
	Unknown    int   // pairs after these: each may be written, now or later. Some may be known, but not a pair before them
	NotWritten int   // pairs after these that are certainly not written, now or later
	Err        error // of the first transaction that failed, in the order of the pairs, or why PutMany stopped
}

// Error returns the counts and the reason.
func (e *PartialError) Error() string {
	return fmt.Sprintf("kv: %d pairs are written, the next %d may be written, the next %d are not: %v",
		e.Written, e.Unknown, e.NotWritten, e.Err)
}

// Unwrap returns the reason.
func (e *PartialError) Unwrap() error { return e.Err }

// Outcome returns the outcome of the whole for [etcderr.OutcomeOf]: NotSent or Rejected if no pair is written or may be, and
// otherwise Unknown.
func (e *PartialError) Outcome() etcderr.Outcome {
	if e.Written+e.Unknown > 0 {
		return etcderr.Unknown
	}
	if etcderr.OutcomeOf(e.Err) == etcderr.Rejected {
		return etcderr.Rejected
	}
	return etcderr.NotSent
}

// NotSent reports whether no pair was sent, or may have been.
func (e *PartialError) NotSent() bool { return e.Outcome() == etcderr.NotSent }
