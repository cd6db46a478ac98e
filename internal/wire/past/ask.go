// SPDX-License-Identifier: Apache-2.0

package past

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wire"
)

const (
	// askedAtOnce is how many ranges are read at the same time. One transaction would read them all, but it would be refused as a
	// whole for one range that may not be read or has been compacted. Old members even crash if a read-only transaction is
	// cancelled while it reads.
	askedAtOnce = 16
	// askingTime bounds the reads of all ranges. The watches of a stream wait for them.
	askingTime = 5 * time.Second
)

// differing asks for the content of ranges whose history is not known to be the same. It returns the header of an answer that shows
// another history, or nil. A range that cannot be read shows nothing.
func (b seen) differing(parent context.Context, to wire.Route, quiet []Quiet, same int64) *pb.ResponseHeader {
	parent, enough := context.WithTimeout(parent, askingTime)
	defer enough()
	var other atomic.Pointer[pb.ResponseHeader]
	var reading sync.WaitGroup
	slots := make(chan struct{}, askedAtOnce)
	asked := map[Quiet]bool{}
	for _, q := range quiet {
		c, known := b.contents[q.Range]
		if !known || !q.continues(c) || asked[q] || max(c.rev, q.Rev) <= same {
			continue
		}
		asked[q] = true
		slots <- struct{}{}
		reading.Go(func() {
			defer func() { <-slots }()
			r, err := wire.KV.Range.Over(parent, to, c.question(q))
			if err == nil && !c.agrees(q, r) {
				other.Store(r.GetHeader())
				enough()
			}
		})
	}
	reading.Wait()
	return other.Load()
}
