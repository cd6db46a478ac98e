// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"errors"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// ErrBeyond ends a watch of all keys, or of just the range that the user may watch, through a gRPC proxy. It does not reach
// keys at the very end of its range, those that begin with 64 bytes of 0xff after what all keys of the range have in common,
// because the proxy loses events where several watches have equal ranges. There is such a key. It is looked for every 5 s.
var ErrBeyond = errors.New("watch: a key at the end of the range cannot be watched through this proxy")

// lookBeyond ends the watches that do not reach a key of their range.
func (s *shared) lookBeyond(parent context.Context) {
	s.mu.Lock()
	missed := map[*Watcher]span{}
	for w := range s.watchers {
		if w.at.stage == live && w.at.beyond != "" && !w.probe {
			missed[w] = span{w.at.beyond, spanOf(w.request).to}
		}
	}
	s.mu.Unlock()
	for w, beyond := range missed {
		r, err := pb.NewKVClient(s.hub.conn).Range(parent, &pb.RangeRequest{
			Key: []byte(beyond.from), RangeEnd: beyond.end(), CountOnly: true,
		}, s.place.options()...)
		if err == nil && r.GetCount() > 0 {
			w.fail(ErrBeyond, false)
			s.hub.remove(w)
		}
	}
}
