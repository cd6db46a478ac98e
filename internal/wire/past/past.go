// SPDX-License-Identifier: Apache-2.0

// Package past is what a connection has seen of its store. It shows whether the store still has the same history, or was put back
// to an earlier copy, wiped, or replaced.
//
// A revision alone does not show it, because a store that went back may be beyond that revision again. So the package keeps
// traces: the newest event or listed pair of the connection (trace.go), and what the lists of small ranges had (content.go).
// Compare asks the store for them (compare.go).
package past

import (
	"bytes"
	"maps"
	"sync"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/report"
)

// Past is what a connection has seen of its store. All its methods are safe for concurrent use.
type Past struct {
	mu sync.Mutex
	seen
	tell func(epoch int64, header *pb.ResponseHeader)
}

// seen is what holds for one history.
type seen struct {
	epoch    int64  // the number of the history, counted here
	cluster  uint64 // 0 until a server has named it
	revision int64  // the highest that a server has named
	newest   trace
	contents map[Range]content
}

type key struct{}

// Of returns the past of a connection.
func Of(c *engine.Conn) *Past { return c.Attach(key{}, func() any { return new(Past) }).(*Past) }

var _ engine.Reporter = (*Past)(nil)

// Report tells the highest revision that was seen.
func (p *Past) Report(to *report.Services) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to.Revision = p.revision
}

// Tell has f called whenever a new history begins, with its number and the header that showed it. There is one such f.
func (p *Past) Tell(f func(epoch int64, header *pb.ResponseHeader)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tell = f
}

// Epoch returns the number of the present history.
func (p *Past) Epoch() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch
}

// Note notes what a response tells about the store in the history of that epoch. events are in the order of their revisions. It
// reports false if that history is over, or the response comes from another cluster. A stream that was opened in an earlier history
// may still have answers under way, so the epoch is that of the stream.
func (p *Past) Note(epoch int64, header *pb.ResponseHeader, events []*mvccpb.Event) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != epoch || !p.noteHeader(header) {
		return false
	}
	if n := len(events); n > 0 {
		p.note(events[n-1].GetKv(), events[n-1].GetType() == mvccpb.Event_DELETE)
	}
	return true
}

// noteHeader is Note for a response without events. The lock is held.
func (p *Past) noteHeader(header *pb.ResponseHeader) bool {
	switch cluster := header.GetClusterId(); {
	case cluster == 0:
	case p.cluster == 0:
		p.cluster = cluster
	case p.cluster != cluster:
		return false
	}
	p.revision = max(p.revision, header.GetRevision())
	return true
}

// note notes a pair, or a deletion. The lock is held.
func (p *Past) note(pair *mvccpb.KeyValue, deleted bool) {
	if pair.GetModRevision() >= p.newest.mod {
		p.newest.set(pair, deleted)
		p.revision = max(p.revision, pair.GetModRevision())
	}
}

// now returns what has been seen so far.
func (p *Past) now() seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.seen
	s.newest.key = bytes.Clone(s.newest.key)
	s.contents = maps.Clone(s.contents)
	return s
}

// Over ends the history of that epoch: the store is another one, as header shows. It does nothing if that history has ended
// already.
func (p *Past) Over(epoch int64, header *pb.ResponseHeader) {
	p.mu.Lock()
	if p.epoch != epoch {
		p.mu.Unlock()
		return
	}
	p.seen = seen{epoch: epoch + 1, cluster: header.GetClusterId(), revision: header.GetRevision()}
	tell := p.tell
	p.mu.Unlock()
	if tell != nil {
		tell(epoch+1, header)
	}
}
