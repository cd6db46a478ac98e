// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// RewoundError ends a watch because the store has another history than the one that was watched: it was restored from
// an earlier copy, or wiped, or the address belongs to another cluster now. What the watch has delivered may not have
// happened in the new history. To go on, read the keys, and watch from the revision after that of the read.
type RewoundError struct {
	ClusterID uint64 // of the store as it is now; 0 where the server does not tell
	Revision  int64  // its newest
}

// Error tells the revision.
func (e *RewoundError) Error() string {
	return fmt.Sprintf("watch: the store has gone back to another history; it is at revision %d now", e.Revision)
}

// past is what the streams of a connection have seen of the store. A store that goes back breaks every stream, so it is
// compared with the store before a stream is used.
type past struct {
	mu sync.Mutex
	seen
}

type seen struct {
	epoch    int64  // counts the histories
	cluster  uint64 // 0 until a server has named it
	revision int64  // the highest that a server has named
	newest   trace
}

// trace is an event without its value.
type trace struct {
	key                  []byte // nil: of no event
	deleted              bool
	create, mod, version int64
}

// note notes what a server says of the store in a response. It reports whether it may be of the same store.
func (p *past) note(header *pb.ResponseHeader, events []*mvccpb.Event) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch cluster := header.GetClusterId(); {
	case cluster == 0:
	case p.cluster == 0:
		p.cluster = cluster
	case p.cluster != cluster:
		return false
	}
	p.revision = max(p.revision, header.GetRevision())
	if len(events) == 0 {
		return true
	}
	if last := events[len(events)-1]; last.Kv.ModRevision >= p.newest.mod {
		kv := last.Kv
		p.newest = trace{append(p.newest.key[:0], kv.Key...), last.Type == mvccpb.Event_DELETE, kv.CreateRevision, kv.ModRevision, kv.Version}
		p.revision = max(p.revision, kv.ModRevision)
	}
	return true
}

// now returns what has been seen so far.
func (p *past) now() seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.seen
	s.newest.key = bytes.Clone(s.newest.key)
	return s
}

// current returns the number of the history that is in force.
func (p *past) current() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch
}

// restart begins another history in place of the one of that epoch, and reports whether that was in force.
func (p *past) restart(epoch int64, now *RewoundError) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != epoch {
		return false
	}
	p.seen = seen{epoch: epoch + 1, cluster: now.ClusterID, revision: now.Revision}
	return true
}

// compare asks the store whether it still has what was seen of it. If not, the watches that began before end with a
// RewoundError. The question is linearizable, since a member's own word may lag behind. It is about a key that the user
// may read: the one of the newest event, or the one given.
func (h *hub) compare(parent context.Context, key []byte, at place) error {
	before := h.past.now()
	if before.revision == 0 {
		return nil
	}
	answer, err := before.lookUp(parent, h.conn, key, at)
	var e *etcderr.Error
	switch {
	case errors.Is(err, etcderr.ErrPermissionDenied):
		return nil // the creation is refused as well
	case errors.As(err, &e) && e.Outcome() == etcderr.Rejected && !e.SafeToRetry() && !h.conn.Renewable(err):
		return nil // what the server does not tell cannot be compared
	case err != nil:
		return err
	case before.agrees(answer):
		return nil
	}
	rewound := &RewoundError{ClusterID: answer.header.GetClusterId(), Revision: answer.header.GetRevision()}
	if h.past.restart(before.epoch, rewound) {
		h.endBefore(before.epoch+1, rewound)
	}
	return nil
}

// answer is what the store says: where it is, and what it has for the newest event that was seen.
type answer struct {
	header  *pb.ResponseHeader
	looked  bool // for the event
	missing bool // the store has not reached its revision
	kvs     []*mvccpb.KeyValue
}

// lookUp reads the key of the newest event as it was then, or only the revision of the store where that has been compacted.
func (b seen) lookUp(parent context.Context, to *engine.Conn, key []byte, at place) (answer, error) {
	opts := at.options()
	kv := pb.NewKVClient(to)
	var a answer
	if b.newest.mod != 0 {
		r, err := kv.Range(parent, &pb.RangeRequest{Key: b.newest.key, Revision: b.newest.mod, KeysOnly: true}, opts...)
		switch {
		case err == nil:
			return answer{header: r.GetHeader(), looked: true, kvs: r.GetKvs()}, nil
		case errors.Is(err, etcderr.ErrFutureRev):
			a.missing = true
		case !errors.Is(err, etcderr.ErrCompacted) && !errors.Is(err, etcderr.ErrPermissionDenied):
			return a, err
		}
	}
	r, err := kv.Range(parent, &pb.RangeRequest{Key: key, KeysOnly: true}, opts...)
	a.header = r.GetHeader()
	return a, err
}

// agrees reports whether an answer is of the history that was seen.
func (b seen) agrees(a answer) bool {
	if cluster := a.header.GetClusterId(); cluster != 0 && b.cluster != 0 && cluster != b.cluster {
		return false
	}
	if a.missing || a.header.GetRevision() < b.revision {
		return false
	}
	if !a.looked {
		return true
	}
	if b.newest.deleted {
		return len(a.kvs) == 0
	}
	return len(a.kvs) == 1 && a.kvs[0].ModRevision == b.newest.mod &&
		a.kvs[0].CreateRevision == b.newest.create && a.kvs[0].Version == b.newest.version
}

// endBefore ends the watches that began before an epoch.
func (h *hub) endBefore(epoch int64, why error) {
	h.mu.Lock()
	streams := append([]*shared(nil), h.streams...)
	h.mu.Unlock()
	for _, s := range streams {
		for _, w := range s.begunBefore(epoch) {
			w.fail(why, false)
			h.remove(w)
		}
	}
}

// doubtHistory compares the history again and again where the store may go back without the stream breaking: behind a proxy.
func (s *shared) doubtHistory(ctx context.Context) {
	ticker := time.NewTicker(doubtInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		behind := s.kind == chooser
		s.mu.Unlock()
		if behind {
			_ = s.hub.compare(ctx, s.aKey(), s.place) // or the next time
			s.lookBeyond(ctx)
			s.lookBehind(ctx)
		}
	}
}

const doubtInterval = 5 * time.Second

// begunBefore returns the watches that the server had created before an epoch.
func (s *shared) begunBefore(epoch int64) []*Watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Watcher
	for w := range s.watchers {
		if w.at.begun && w.at.epoch < epoch {
			all = append(all, w)
		}
	}
	return all
}

// aKey is a key that the user may read, as a watch has it; nil where there is no watch.
func (s *shared) aKey() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		return w.request.Key
	}
	return nil
}
