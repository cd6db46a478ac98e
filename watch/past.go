// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// RewoundError ends a watch because the store has another history than the one that was watched. The store was restored from
// an earlier copy, or wiped, or another cluster has its address now. Events that the watch has delivered may not exist in the
// new history. To go on, read the keys, and watch from the revision after that of the read.
type RewoundError struct {
	ClusterID uint64 // of the store as it is now; 0 where the server does not name it
	Revision  int64  // the newest revision of the store as it is now
}

// Error names the revision.
func (e *RewoundError) Error() string {
	return fmt.Sprintf("watch: the store has gone back to another history; it is at revision %d now", e.Revision)
}

// past is what the streams of a connection have seen of the store. It shows whether the store has gone back.
type past struct {
	mu sync.Mutex
	seen
}

type seen struct {
	epoch    int64  // the number of the history, counted here
	cluster  uint64 // 0 until a server has named it
	revision int64  // the highest that a server has named
	newest   trace  // the event with the highest revision
}

// note notes what a response tells about the store. It reports false if the response comes from another cluster.
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
		p.newest = p.newest.copyOf(last)
		p.revision = max(p.revision, last.Kv.ModRevision)
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

// current returns the number of the present history.
func (p *past) current() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.epoch
}

// restart replaces the history of that epoch by a new one. It reports false if the epoch is over already.
func (p *past) restart(epoch int64, now *RewoundError) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != epoch {
		return false
	}
	p.seen = seen{epoch: epoch + 1, cluster: now.ClusterID, revision: now.Revision}
	return true
}

// compare asks the store whether it still has what was seen of it. If not, it begins a new history, and returns its epoch
// with a RewoundError. The question is linearizable, because a member's own answer may lag behind. It is about a key that
// the user may read: that of the newest event, or the one given.
func (p *past) compare(parent context.Context, to *engine.Conn, key []byte, at place) (rewound *RewoundError, epoch int64, err error) {
	before := p.now()
	if before.revision == 0 {
		return nil, 0, nil
	}
	answer, err := before.lookUp(parent, at.route(to), key)
	switch {
	case errors.Is(err, etcderr.ErrPermissionDenied):
		return nil, 0, nil // the server refuses the creation as well
	case resume.Refused(to, err):
		return nil, 0, nil // there is nothing to compare with
	case err != nil:
		return nil, 0, err
	case before.agrees(answer):
		return nil, 0, nil
	}
	rewound = &RewoundError{ClusterID: answer.header.GetClusterId(), Revision: answer.header.GetRevision()}
	if !p.restart(before.epoch, rewound) {
		return nil, 0, nil
	}
	return rewound, before.epoch + 1, nil
}

// answer is what the store says about itself, and about the newest event that was seen.
type answer struct {
	header  *pb.ResponseHeader
	looked  bool               // kvs is valid
	kvs     []*mvccpb.KeyValue // of the event's key at the event's revision
	missing bool               // the store has not reached that revision
}

// lookUp reads the key of the newest event at its revision. Where that has been compacted, it reads the revision of the store
// only.
func (b seen) lookUp(parent context.Context, to wire.Route, key []byte) (answer, error) {
	var a answer
	if b.newest.mod != 0 {
		r, err := wire.KV.Range.Over(parent, to, &pb.RangeRequest{Key: b.newest.key, Revision: b.newest.mod, KeysOnly: true})
		switch {
		case err == nil:
			return answer{header: r.GetHeader(), looked: true, kvs: r.GetKvs()}, nil
		case errors.Is(err, etcderr.ErrFutureRev):
			a.missing = true
		case !errors.Is(err, etcderr.ErrCompacted) && !errors.Is(err, etcderr.ErrPermissionDenied):
			return a, err
		}
	}
	r, err := wire.KV.Range.Over(parent, to, &pb.RangeRequest{Key: key, KeysOnly: true})
	a.header = r.GetHeader()
	return a, err
}

// agrees reports whether an answer belongs to the history that was seen.
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
