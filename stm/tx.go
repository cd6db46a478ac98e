// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"bytes"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// Tx is one try of a transaction. Several goroutines may use it; they take turns. It ends when the function that received it
// returns.
//
// The first error of Get, Rev or Range is the error of every later one, and of the try, whatever the function does. A
// transaction cannot take into account what it could not read.
type Tx struct {
	conflicts int
	keepLease bool

	mu     sync.Mutex
	live   bool
	reads  reads
	writes writes
}

// Conflicts returns how many tries of this run were lost before this one. It is 0 in the first try.
func (tx *Tx) Conflicts() int { return tx.conflicts }

// Get returns the value of a key, or "" if the key does not exist. [Tx.Rev] distinguishes that from an empty value. Get sees
// what the transaction itself has put or deleted. An empty key is [etcderr.ErrEmptyKey], and a Tx of a function that has
// returned is [ErrEnded]. For other errors see [Run].
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

// Rev returns the revision at which a key was last put, or 0 if the key does not exist. A put of this transaction has no
// revision before the commit, and does not change the result. After a delete of this transaction Rev is 0. Errors are those of
// [Tx.Get].
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
// alone. WithLimit and WithFirstKey return only the first ones. Range sees what the transaction itself has put or deleted. A
// key that the transaction has put has the lease of that put, and its revisions are those before the put, 0 for a new key. The
// caller owns the result.
//
// It is a conflict if another client puts a key into the range, or changes or deletes one there. Under a limit, keys after the
// last one returned do not count.
//
// Other options are refused with [kv.ErrInvalid], and so are a connection or an endpoint other than that of the run, and a
// negative limit. A timeout is ignored, because that of the run counts. Other errors are those of [Tx.Get].
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

// Put sets the value of a key when the transaction is committed. The key is then attached to no lease, as with etcd's put. With
// [WithKeepLease] it keeps its lease. The last Put, PutWithLease or Delete of a key counts. An empty key is refused at the end
// of the run, with [etcderr.ErrEmptyKey]. On a Tx of a function that has returned, Put does nothing.
func (tx *Tx) Put(key, value string) {
	tx.write(key, func(before write, written bool) write {
		w := write{value: value}
		if tx.keepLease {
			w.lease, w.keep = before.lease, before.keep || !written
		}
		return w
	})
}

// PutWithLease is [Tx.Put] for a key that is deleted when the lease ends, with or without [WithKeepLease]. A lease of 0 is
// none: the key stays. A lease that does not exist is refused at the end of the run, with [etcderr.ErrLeaseNotFound], and
// nothing is written.
func (tx *Tx) PutWithLease(key, value string, lease int64) {
	tx.write(key, func(write, bool) write { return write{value: value, lease: lease} })
}

// Delete deletes a key when the transaction is committed. A key that does not exist is no error. Otherwise it is like [Tx.Put].
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

// ready returns why nothing more can be read.
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

// hidden returns how many keys of a span the servers may have and the function must not see.
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

// view returns what the function sees of a span that was read: each key as it was first, and its own writes.
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
