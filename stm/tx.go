// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"bytes"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// Tx is one try of a transaction. It may be used by several goroutines; they take turns. It ends when the function that it
// was given to returns.
//
// The first error of Get, Rev or Range is the error of every later one, and of the try, whatever the function does: what it
// could not read it cannot have taken into account.
type Tx struct {
	conflicts int
	keepLease bool

	mu     sync.Mutex
	live   bool
	reads  reads
	writes writes
}

// Conflicts returns how many tries of this run were lost before this one: 0 in the first.
func (tx *Tx) Conflicts() int { return tx.conflicts }

// Get returns the value of a key, "" if it is not there; [Tx.Rev] tells that from an empty value. What the transaction
// has put or deleted itself is as good as done. An empty key is [etcderr.ErrEmptyKey], a Tx of a function that has returned
// [ErrEnded]; for other errors see [Run].
func (tx *Tx) Get(key string) (string, error) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if err := tx.ready(); err != nil {
		return "", err
	}
	if own, written := tx.writes[key]; written {
		return own.value, nil
	}
	pair, err := tx.reads.pair(key)
	return string(pair.GetValue()), err
}

// Rev returns the revision at which a key was last put, 0 if it is not there. A put of the transaction's own has no revision
// before it is committed, and changes nothing of that; after a delete of its own Rev is 0. Errors are those of [Tx.Get].
func (tx *Tx) Rev(key string) (int64, error) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if err := tx.ready(); err != nil {
		return 0, err
	}
	if tx.writes[key].deleted {
		return 0, nil
	}
	pair, err := tx.reads.pair(key)
	return pair.GetModRevision(), err
}

// Range returns the keys of a range, in their order: those of WithPrefix, WithFromKey or WithRangeEnd, or the one of WithKey
// alone; with WithLimit or WithFirstKey no more than the first ones. What the transaction has put or deleted itself is as
// good as done; the pair of a key that it has put has the lease of that put, and the revisions of the key as it was, 0 for a
// new one. The result is the caller's.
//
// A key that somebody else puts into the range, changes or deletes there is a conflict, beyond the last pair returned under
// a limit it is not.
//
// Every other option is refused with [kv.ErrInvalid], and so are a connection or an endpoint other than that of the run, and a
// negative limit. A timeout is ignored, since that of the run counts. Other errors are those of [Tx.Get].
func (tx *Tx) Range(c Request) ([]*mvccpb.KeyValue, error) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if err := tx.ready(); err != nil {
		return nil, err
	}
	s, err := tx.reads.from.spanOf(c)
	if err != nil {
		tx.reads.err = err
		return nil, err
	}
	if s.end == "" {
		if _, err := tx.reads.pair(s.key); err != nil {
			return nil, err
		}
		return tx.view(s, 0), nil
	}
	limit := s.limit
	if limit > 0 {
		s.limit += tx.hidden(s)
	}
	r, err := tx.reads.read(s)
	if err != nil {
		return nil, err
	}
	return tx.view(r.span, limit), nil
}

// Put sets the value of a key when the transaction is committed. The key is attached to no lease then, as etcd's put has it;
// with [WithKeepLease] it keeps the lease that it has. The last Put, PutWithLease or Delete of a key counts. An empty key is
// refused at the end of the run, with [etcderr.ErrEmptyKey]. On a Tx of a function that has returned it does nothing.
func (tx *Tx) Put(key, value string) {
	tx.write(key, func(before write, written bool) write {
		w := write{value: value}
		if tx.keepLease {
			w.lease, w.keep = before.lease, before.keep || !written
		}
		return w
	})
}

// PutWithLease is [Tx.Put] for a key that goes when a lease does, with or without [WithKeepLease]. A lease of 0 is none: the
// key stays. One that does not exist is refused at the end of the run, with [etcderr.ErrLeaseNotFound], and nothing is written.
func (tx *Tx) PutWithLease(key, value string, lease int64) {
	tx.write(key, func(write, bool) write { return write{value: value, lease: lease} })
}

// Delete deletes a key when the transaction is committed. It is no error if there is none. What is said of [Tx.Put] holds.
func (tx *Tx) Delete(key string) {
	tx.write(key, func(write, bool) write { return write{deleted: true} })
}

// write notes a write, which may depend on the one of the same key before it.
func (tx *Tx) write(key string, after func(before write, written bool) write) {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	if tx.live {
		before, written := tx.writes[key]
		tx.writes[key] = after(before, written)
	}
}

// ready says why nothing more can be read.
func (tx *Tx) ready() error {
	if !tx.live {
		return ErrEnded
	}
	return tx.reads.err
}

// end ends the try, and returns the first error of a read in it.
func (tx *Tx) end() error {
	tx.mu.Lock()
	defer tx.mu.Unlock()
	tx.live = false
	return tx.reads.err
}

// hidden is how many keys of a span that the servers may have are not to be seen.
func (tx *Tx) hidden(s span) int64 {
	var n int64
	for key, own := range tx.writes {
		if own.deleted && s.contains(key) {
			n++
		}
	}
	for key, pair := range tx.reads.pairs {
		if pair == nil && !tx.writes[key].deleted && s.contains(key) {
			n++
		}
	}
	return n
}

// view is what the function sees of a span that was read: each key as it was first, and its own writes.
func (tx *Tx) view(s span, limit int64) []*mvccpb.KeyValue {
	var all []*mvccpb.KeyValue
	for key, pair := range tx.reads.pairs {
		if _, written := tx.writes[key]; pair != nil && !written && s.contains(key) {
			all = append(all, proto.CloneOf(pair))
		}
	}
	for key, own := range tx.writes {
		if own.deleted || !s.contains(key) {
			continue
		}
		pair := &mvccpb.KeyValue{Key: []byte(key)}
		if was := tx.reads.pairs[key]; was != nil {
			pair = proto.CloneOf(was)
		}
		pair.Value = []byte(own.value)
		if !own.keep {
			pair.Lease = own.lease
		}
		all = append(all, pair)
	}
	slices.SortFunc(all, func(a, b *mvccpb.KeyValue) int { return bytes.Compare(a.GetKey(), b.GetKey()) })
	if limit > 0 && int64(len(all)) > limit {
		all = all[:limit]
	}
	return all
}
