// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
)

// Store is a part of the key space whose values are of type V: the keys that begin with the key of its request. [Of] makes one.
// It is an immutable value and holds nothing open.
//
// The methods take a key without that beginning, and join the two. An empty key is refused with kv.ErrInvalid.
type Store[V any] struct {
	c     Request
	codec Codec[V]
}

// Of returns the store of the keys that begin with the key of c. It does not fail, and sends nothing. The methods of the store
// report what is wrong with c or codec. The package documentation lists the options of c.
func Of[V any](c Request, codec Codec[V]) Store[V] { return Store[V]{c: c, codec: codec} }

// Get reads one value. A key that is not there is [ErrMissing]. If the value does not decode, the entry is complete but for
// the value. It calls KV/Range.
func (s Store[V]) Get(parent context.Context, key string) (Entry[V], error) {
	if err := s.check(parent, reads, key); err != nil {
		return Entry[V]{}, err
	}
	response, err := kv.Get(parent, s.reading().WithKey(s.whole(key)))
	if err != nil {
		return Entry[V]{}, err
	}
	pair := one(response)
	if pair == nil {
		return Entry[V]{}, missing(s.whole(key), pb.KV_Range_FullMethodName)
	}
	return s.entry(pair)
}

// Put writes a value, whatever is there, and returns the revision of the write. The key is attached to the lease of
// WithLease, or to none. It calls KV/Put.
func (s Store[V]) Put(parent context.Context, key string, value V) (rev int64, err error) {
	data, err := s.prepare(parent, key, value)
	if err != nil {
		return 0, err
	}
	response, err := kv.Put(parent, put(s.base(), s.whole(key), data, s.c.Lease()))
	if err != nil {
		return 0, sized(err, s.whole(key), data)
	}
	return response.GetHeader().GetRevision(), nil
}

// Create writes a value under a key that is not there yet, and returns the revision of the write. If the key is there, nothing
// is written and the error is [ErrExists]. Of several that create one key at once, one succeeds. It calls KV/Txn.
func (s Store[V]) Create(parent context.Context, key string, value V) (rev int64, err error) {
	data, err := s.prepare(parent, key, value)
	if err != nil {
		return 0, err
	}
	whole := s.whole(key)
	g := guarded{put: put(s.base(), whole, data, s.c.Lease()), before: &state{}}
	response, err := kv.Txn(parent, s.base(), g.txn())
	switch {
	case err != nil:
		return 0, sized(err, whole, data)
	case !response.GetSucceeded():
		return 0, exists(whole)
	}
	return response.GetHeader().GetRevision(), nil
}

// Delete deletes a key, whatever its value, and returns the revision of the deletion. A key that is not there is
// [ErrMissing]. It calls KV/DeleteRange.
func (s Store[V]) Delete(parent context.Context, key string) (rev int64, err error) {
	if err := s.check(parent, writes, key); err != nil {
		return 0, err
	}
	response, err := kv.Delete(parent, s.base().WithKey(s.whole(key)))
	if err != nil {
		return 0, err
	}
	if response.GetDeleted() == 0 {
		return 0, missing(s.whole(key), pb.KV_DeleteRange_FullMethodName)
	}
	return response.GetHeader().GetRevision(), nil
}
