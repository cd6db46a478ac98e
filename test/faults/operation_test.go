// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
)

// kind says what an operation does to its key.
type kind uint8

const (
	get    kind = iota
	put         // writes id
	swap        // writes id if the key holds want
	remove      // deletes the key if it holds want, and in the same transaction puts id on a key beside it
)

func (k kind) String() string { return [...]string{"get", "put", "swap", "remove"}[k] }

// operation is one request on one key, and its result. The value of a missing key is "".
type operation struct {
	client  int
	kind    kind
	key     string
	id      string // unique; of everything that writes
	want    string // of swap and remove
	refused bool   // a put that the cluster must refuse

	call, done time.Duration // since the start of the history
	err        error

	// From the response, if there is one.
	rev   int64  // of the cluster when the operation took effect
	taken bool   // swap and remove: the key held want
	value string // get, and swap and remove not taken: what the key holds
	mod   int64  // the revision of that value
}

func (o operation) outcome() etcderr.Outcome { return etcderr.OutcomeOf(o.err) }

// writes reports whether the operation changed its key, according to its response.
func (o operation) writes() bool {
	return o.err == nil && (o.kind == put || o.kind != get && o.taken)
}

// sees reports whether the response has the value of the key.
func (o operation) sees() bool { return o.err == nil && o.kind != put && !o.taken }

func (o operation) String() string {
	request := fmt.Sprintf("%v %s", o.kind, o.key)
	switch o.kind {
	case put:
		request += " = " + o.id
	case swap, remove:
		request += fmt.Sprintf(" %q by %s", o.want, o.id)
	}
	switch {
	case o.err != nil:
		return fmt.Sprintf("%s: %v (%v)", request, o.err, o.outcome())
	case o.sees():
		return fmt.Sprintf("%s: %q at revision %d", request, o.value, o.rev)
	default:
		return fmt.Sprintf("%s: done at revision %d", request, o.rev)
	}
}
