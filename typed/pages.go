// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"iter"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
)

// pageSize is how many keys a page has.
const pageSize = 256

// pairs reads the pairs of the store in pages, at the revision of the first one.
func pairs(parent context.Context, at place) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		page := at.reading().WithKey(at.c.Key()).WithPrefix().WithLimit(pageSize)
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
			page = page.WithKey(last + "\x00").WithRangeEnd(kv.PrefixEnd(at.c.Key()))
			if at.c.Rev() == 0 {
				page = page.WithRev(response.GetHeader().GetRevision())
			}
		}
	}
}
