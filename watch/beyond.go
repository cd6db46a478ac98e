// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// ErrBeyond ends a watch through a gRPC proxy because a key exists that the watch does not reach. The proxy loses events
// where several watches have equal ranges, so each watch gets a range of its own. A watch of all keys, and a watch of exactly
// the range that its user may watch, get one that ends a little earlier. It leaves out keys that begin with what all keys of
// the range have in common, followed by 64 bytes of 0xff. The SDK looks for such keys every 5 s. It does not notice one that
// is put and deleted between two looks.
var ErrBeyond = errors.New("watch: a key at the end of the range cannot be watched through this proxy")

// lookBeyond ends the watches that do not reach an existing key of their range.
func lookBeyond(parent context.Context, s *shared) {
	s.mu.Lock()
	missed := map[*feed]span{}
	for w := range s.watches {
		if w.at.stage == live && w.at.beyond != "" && !w.probe {
			missed[w] = span{w.at.beyond, spanOf(w.request).to}
		}
	}
	s.mu.Unlock()
	for w, beyond := range missed {
		r, err := wire.KV.Range.Over(parent, s.place.route(s.conn), &pb.RangeRequest{
			Key: []byte(beyond.from), RangeEnd: beyond.end(), CountOnly: true,
		})
		if err == nil && r.GetCount() > 0 {
			s.owner.fail(w, ErrBeyond)
		}
	}
}
