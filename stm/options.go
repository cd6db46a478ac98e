// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"fmt"
	"slices"
	"strconv"
)

// Isolation says what a transaction may notice of other transactions that run at the same time. At every level each key, and
// each range, is read once in a try, and the transaction sees its own writes. Nobody sees a part of its writes.
type Isolation uint8

// The levels of isolation, the strictest first. With the first three a transaction is committed only if nothing that it
// read has changed since, so that neither a lost update nor write skew is possible.
const (
	// SerializableSnapshot reads everything at the revision of the first read (or of the prefetch, if there is one). It commits
	// only if, in addition, no key that it writes was put since that revision. This is the default. As with etcd's own client, the
	// deletion of a key is noticed only if the transaction had read the key.
	SerializableSnapshot Isolation = iota
	// Serializable is SerializableSnapshot without the last condition: other clients may have put the keys that it writes without
	// reading them.
	Serializable
	// RepeatableReads reads each key as it is at that moment. So in a try that cannot be committed, fn may see states of two keys
	// that never existed at the same time.
	RepeatableReads
	// ReadCommitted reads as RepeatableReads does, and commits whatever other clients have written meanwhile. Their updates may be
	// lost, and there are no conflicts.
	ReadCommitted
)

var isolationNames = [...]string{
	SerializableSnapshot: "SerializableSnapshot",
	Serializable:         "Serializable",
	RepeatableReads:      "RepeatableReads",
	ReadCommitted:        "ReadCommitted",
}

// String returns the name of the constant; an unknown level is its number.
func (i Isolation) String() string {
	if !i.valid() {
		return strconv.Itoa(int(i))
	}
	return isolationNames[i]
}

func (i Isolation) valid() bool { return int(i) < len(isolationNames) }

// snapshot reports whether all is read at one revision.
func (i Isolation) snapshot() bool { return i <= Serializable }

// Option is an option of [Run]. A nil Option does nothing.
type Option func(*options)

type options struct {
	isolation  Isolation
	prefetch   []string
	maxRetries int
	keepLease  bool
}

// WithIsolation sets the level of isolation; SerializableSnapshot is the default. An unknown level is refused with
// [kv.ErrInvalid].
func WithIsolation(level Isolation) Option {
	return func(o *options) { o.isolation = level }
}

// WithPrefetch reads these keys in one request before the function runs. There can be at most 128 of them unless the server is
// configured otherwise ([etcderr.ErrTooManyOps]). It only saves time: a key that the function does not read cannot cause a
// conflict. Keys of several WithPrefetch add up. By default the first try reads nothing ahead, and a later try reads ahead what
// the one before it has read.
func WithPrefetch(keys ...string) Option {
	keys = slices.Clone(keys)
	return func(o *options) { o.prefetch = append(o.prefetch, keys...) }
}

// WithMaxRetries limits how often the function runs again after a conflict. Then the run ends with [ErrConflict]. With 0 it
// runs once. By default it runs until the deadline. Less than 0 is refused with [kv.ErrInvalid].
func WithMaxRetries(n int) Option {
	return func(o *options) { o.maxRetries = n }
}

// WithKeepLease makes each [Tx.Put] keep the lease of its key. This is the lease that the servers have when the transaction is
// committed, or the lease of an earlier [Tx.PutWithLease] of the same transaction. A key that is new, or that the transaction
// has deleted before it puts it, has none. By default a put detaches its key from its lease, as etcd's put does.
func WithKeepLease() Option {
	return func(o *options) { o.keepLease = true }
}

// wrong returns the mistakes in the options.
func (o *options) wrong() []string {
	var all []string
	if !o.isolation.valid() {
		all = append(all, fmt.Sprintf("stm: WithIsolation(%v) is no level of isolation", o.isolation))
	}
	if o.maxRetries < 0 {
		all = append(all, fmt.Sprintf("stm: WithMaxRetries(%d) is negative", o.maxRetries))
	}
	return all
}
