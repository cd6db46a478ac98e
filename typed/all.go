// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"iter"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
)

// All reads every entry of the store in the order of the keys, all at one revision. It sends nothing before the loop begins,
// and reads a page at a time, so that a large store needs little memory.
//
// An error that is a [*CodecError] is about one entry, which is complete but for its value; the loop may go on. Any other
// error is the last. A compaction of the revision meanwhile is etcderr.ErrCompacted. A key that equals the store's own is not
// an entry of it.
func (s Store[V]) All(parent context.Context) iter.Seq2[Entry[V], error] {
	return func(yield func(Entry[V], error) bool) {
		if err := s.check(parent, reads); err != nil {
			yield(Entry[V]{}, err)
			return
		}
		for pair, err := range s.pairs(parent) {
			if err != nil {
				yield(Entry[V]{}, err)
				return
			}
			if entry, err := s.entry(pair); entry.Key != "" && !yield(entry, err) {
				return
			}
		}
	}
}

// pageSize is how many keys a page has.
const pageSize = 256

// pairs reads the pairs of the store in pages, at the revision of the first one.
func (s Store[V]) pairs(parent context.Context) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		page := s.reading().WithKey(s.c.Key()).WithPrefix().WithLimit(pageSize)
		for {
			response, err := kv.Get(parent, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, pair := range response.GetKvs() {
				if !yield(pair, nil) {
					return
				}
			}
			if !response.GetMore() {
				return
			}
			last := string(response.GetKvs()[len(response.GetKvs())-1].GetKey())
			page = page.WithKey(last + "\x00").WithRangeEnd(kv.PrefixEnd(s.c.Key()))
			if s.c.Rev() == 0 {
				page = page.WithRev(response.GetHeader().GetRevision())
			}
		}
	}
}
