// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"iter"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
)

// Store is a part of the key space whose values are of type V: the keys that begin with the key of its request. [Of] makes one.
// It is an immutable value and holds nothing open.
//
// The methods take a key without that beginning, and join the two. An empty key is refused with kv.ErrInvalid.
type Store[V any] struct {
	at    place
	codec Codec[V]
}

// Of returns the store of the keys that begin with the key of c. It does not fail, and sends nothing. The methods of the store
// report what is wrong with c or codec. The package documentation lists the options of c.
func Of[V any](c Request, codec Codec[V]) Store[V] { return Store[V]{at: place{c}, codec: codec} }

// Get reads one value. A key that is not there is [ErrMissing]. If the value does not decode, the entry is complete but for
// the value. It calls KV/Range.
func (s Store[V]) Get(parent context.Context, key string) (Entry[V], error) {
	if err := s.check(parent, reads, key); err != nil {
		return Entry[V]{}, err
	}
	response, err := kv.Get(parent, s.at.reading().WithKey(s.at.whole(key)))
	if err != nil {
		return Entry[V]{}, err
	}
	pair := one(response)
	if pair == nil {
		return Entry[V]{}, missing(s.at.whole(key), pb.KV_Range_FullMethodName)
	}
	return entryOf(s.at, s.codec, pair)
}

// Put writes a value, whatever is there, and returns the revision of the write. The key is attached to the lease of
// WithLease, or to none. It calls KV/Put.
func (s Store[V]) Put(parent context.Context, key string, value V) (rev int64, err error) {
	data, err := s.prepare(parent, key, value)
	if err != nil {
		return 0, err
	}
	response, err := kv.Put(parent, putOf(s.at.base(), s.at.whole(key), data, sealed.Ctx(s.at.c).Lease()))
	if err != nil {
		return 0, sized(err, s.at.whole(key), data)
	}
	return response.GetHeader().GetRevision(), nil
}

// Create writes a value under a key that is not there yet, and returns the revision of the write. If the key is there, nothing
// is written and the error is [ErrExists]. Of several calls that create one key at once, one succeeds.
//
// If the answer is lost, the key may have been created: etcderr.OutcomeOf is Unknown then, and a second Create may find the key of
// the first one, which is ErrExists. [Store.Update] finds that out by itself. Create calls KV/Txn.
func (s Store[V]) Create(parent context.Context, key string, value V) (rev int64, err error) {
	data, err := s.prepare(parent, key, value)
	if err != nil {
		return 0, err
	}
	whole := s.at.whole(key)
	w := write{put: putOf(s.at.base(), whole, data, sealed.Ctx(s.at.c).Lease()), before: &state{}}
	response, err := kv.Txn(parent, s.at.base(), w.txn())
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
	response, err := kv.Delete(parent, s.at.base().WithKey(s.at.whole(key)))
	if err != nil {
		return 0, err
	}
	if response.GetDeleted() == 0 {
		return 0, missing(s.at.whole(key), pb.KV_DeleteRange_FullMethodName)
	}
	return response.GetHeader().GetRevision(), nil
}

// All reads every entry of the store in the order of the keys, all at one revision. It sends nothing before the loop begins,
// and reads in pages, so that a large store needs little memory: see kv.All.
//
// A [*CodecError] is about one entry, which is complete except for its value, and the loop goes on after it. Any other error is the
// last, such as etcderr.ErrCompacted if the revision is compacted meanwhile. The key of the store itself is not one of its entries.
//
// It calls KV/Range, and KV/RangeStream where the member has it.
func (s Store[V]) All(parent context.Context) iter.Seq2[Entry[V], error] {
	return func(yield func(Entry[V], error) bool) {
		if err := s.check(parent, reads); err != nil {
			yield(Entry[V]{}, err)
			return
		}
		for pair, err := range kv.All(parent, s.at.reading().WithKey(sealed.Ctx(s.at.c).Key()).WithPrefix()) {
			if err != nil {
				yield(Entry[V]{}, err)
				return
			}
			if entry, err := entryOf(s.at, s.codec, pair); entry.Key != "" && !yield(entry, err) {
				return
			}
		}
	}
}

// Update changes the value of one key by compare and swap. It reads the value, calls f with it, and writes the result of f if no
// client has written the key meanwhile. Otherwise it begins another round with the newer value. Update returns the entry that it
// wrote.
//
// For a missing key, there is false and old is the zero value. Update may call f several times, so f should have no effect except
// its result. f may change old and return it. If f returns an error, nothing is written and Update returns that error as it is. A
// panic of f goes through to the caller, and nothing is written. Lost answers are the exception, see below.
//
// The key keeps its lease, unless the store names one by WithLease. The second round begins at once. Before each later round there
// is a pause of 5 ms, doubled each time up to 500 ms, plus or minus one half. The rounds end with WithTimeout or the deadline of
// parent, or after 5 s if there is neither (conn.WithDefaultTimeout). The error is [ErrConflict] then.
//
// # Lost answers
//
// Update compares the mod revision and not the value, so the servers apply the same write once at most. If the answer to a write
// is lost, Update sends the same write again. If that succeeds, it is the one that counts. If it is refused, Update reads the
// history of the key:
//
//   - The next version of the key has another value: the write was not applied, and another round begins.
//   - The next version has the value that Update has sent. This client may have written it, or another client that sent the same.
//     Update fails with an error whose etcderr.OutcomeOf is Unknown.
//   - The history is compacted, or the time is up before the outcome is clear: the same error.
//
// With every other error nothing was written. To leave time for all this, a write may take half of the time that is left, and 16 s
// at most.
//
// No guard tells one absence of a key from another one. Suppose that the answer to a write which creates the key is lost, and then
// another client creates the key. The servers may still apply the first write late, after a deletion of the key, and the key exists
// again. From then on the outcome of each error of this Update is Unknown. errors.Is finds its reason, such as the error of f. An
// Update that succeeds does not notice.
//
// It calls KV/Range and KV/Txn, and after a lost answer Watch/Watch.
func (s Store[V]) Update(parent context.Context, key string, f func(old V, there bool) (V, error)) (Entry[V], error) {
	err := s.check(parent, writes, key)
	if f == nil {
		err = render.AlsoInvalid(err, "typed: the function of the update is nil")
	}
	if err != nil {
		return Entry[V]{}, err
	}
	life, cancel, err := s.at.bounded(parent)
	if err != nil {
		return Entry[V]{}, err
	}
	defer cancel()
	u := update[V]{at: s.at, codec: s.codec, life: life, key: key, f: f, pauses: newPauses()}
	return u.run()
}

// check tells at once what is wrong with a call, except with its key.
func (s Store[V]) check(parent context.Context, u use, keys ...string) error {
	err := render.Check(s.at.c, u.request, u.options)
	if parent == nil {
		err = render.AlsoInvalid(err, "typed: the parent context is nil")
	}
	if s.codec == nil {
		err = render.AlsoInvalid(err, "typed: the codec is nil")
	}
	for _, key := range keys {
		if key == "" {
			err = render.AlsoInvalid(err, "typed: the key is empty")
		}
	}
	return err
}

// prepare checks a write and encodes its value.
func (s Store[V]) prepare(parent context.Context, key string, value V) ([]byte, error) {
	if err := s.check(parent, writes, key); err != nil {
		return nil, err
	}
	return encode(s.codec, s.at.whole(key), value)
}
