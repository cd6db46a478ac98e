// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

const (
	searchReads = 8   // at most for one call of next
	searchPage  = 250 // keys
)

// search looks for a key near a range that has changed lately. It reads pages of keys, the nearest ones first, and goes on
// where it stopped.
type search struct{ left []span }

func searchAround(r span) *search { return &search{r.around()} }

func (f *search) over() bool { return len(f.left) == 0 }

// next returns a key that was put at revision since or later, nil where there is none yet, and the revision of the store, 0
// where that is not known. Where the user may not read on, the search is over.
func (f *search) next(parent context.Context, s *shared, since int64) (found *mvccpb.KeyValue, rev int64) {
	for range searchReads {
		if f.over() {
			break
		}
		piece := f.left[0]
		r, err := pb.NewKVClient(s.hub.conn).Range(parent, &pb.RangeRequest{
			Key: []byte(piece.from), RangeEnd: piece.end(), Limit: searchPage, KeysOnly: true,
		}, s.place.options()...)
		if err != nil {
			f.left = nil
			break
		}
		if rev = r.GetHeader().GetRevision(); rev < since {
			break // nothing has happened at all
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
