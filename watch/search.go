// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire"
)

const (
	searchReads = 8   // how many pages one call of next reads at most
	searchPage  = 250 // keys in a page
)

// search looks for a recently changed key near a range. It reads pages of keys, the nearest first. Each call of next goes on
// where the last one stopped.
type search struct{ left []span }

func searchAround(r span) *search { return &search{r.around()} }

func (f *search) over() bool { return len(f.left) == 0 }

// next returns a key that was put at revision since or later, or nil if it has found none yet. rev is the revision of the
// store, or 0 if that is not known. Where the user may not read the next page, the search is over.
func (f *search) next(parent context.Context, to *engine.Conn, at place, since int64) (found *mvccpb.KeyValue, rev int64) {
	for range searchReads {
		if f.over() {
			break
		}
		piece := f.left[0]
		r, err := wire.KV.Range.Over(parent, at.route(to), &pb.RangeRequest{
			Key: []byte(piece.from), RangeEnd: piece.end(), Limit: searchPage, KeysOnly: true,
		})
		if err != nil {
			f.left = nil
			break
		}
		if rev = r.GetHeader().GetRevision(); rev < since {
			break // nothing has changed anywhere
		}
		for _, kv := range r.Kvs {
			if kv.ModRevision >= since && (found == nil || kv.ModRevision > found.ModRevision) {
				found = kv
			}
		}
		if r.More && len(r.Kvs) > 0 {
			f.left[0].from = string(r.Kvs[len(r.Kvs)-1].Key) + "\x00"
		} else {
			f.left = f.left[1:]
		}
		if found != nil {
			break
		}
	}
	return found, rev
}
