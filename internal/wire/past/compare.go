// SPDX-License-Identifier: Apache-2.0

package past

import (
	"context"
	"errors"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/resume"
)

// Compare asks the store whether it still has what was seen of it. If not, it begins a new history. The questions are
// linearizable, because a member's own answer may lag behind. They are about keys that the user may read: that of the newest
// trace, the one given, and the ranges given. It returns up to which revision the history is surely the same.
//
// The raft term is not compared: a member that caught up by a snapshot names an older one until its next entry.
func (p *Past) Compare(parent context.Context, to wire.Route, key []byte, quiet []Quiet) (same int64, err error) {
	before := p.now()
	if before.revision == 0 {
		return 0, nil
	}
	a, err := before.lookUp(parent, to, key)
	switch {
	case errors.Is(err, etcderr.ErrPermissionDenied):
		return 0, nil // the server refuses what comes next as well
	case resume.Refused(to.Conn, err):
		return 0, nil // there is nothing to compare with
	case err != nil:
		return 0, err
	case !before.agrees(a):
		p.Over(before.epoch, a.header)
		return 0, nil
	}
	if a.looked {
		same = before.newest.mod
	}
	asked := map[Quiet]bool{}
	for _, q := range quiet {
		c, known := before.contents[q.Range]
		if !known || !q.continues(c) || asked[q] || max(c.rev, q.Rev) <= same {
			continue
		}
		asked[q] = true
		r, err := wire.KV.Range.Over(parent, to, c.question(q))
		if errors.Is(err, etcderr.ErrCompacted) || resume.Refused(to.Conn, err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if !c.agrees(q, r) {
			p.Over(before.epoch, r.GetHeader())
			return 0, nil
		}
	}
	return same, nil
}

// answer is what the store says about itself, and about the newest trace.
type answer struct {
	header  *pb.ResponseHeader
	looked  bool               // kvs is valid
	kvs     []*mvccpb.KeyValue // of the trace's key at the trace's revision
	missing bool               // the store has not reached that revision
}

// lookUp reads the key of the newest trace at its revision. Where that has been compacted, it reads the revision of the store
// only.
func (b seen) lookUp(parent context.Context, to wire.Route, key []byte) (answer, error) {
	var a answer
	if b.newest.mod != 0 {
		r, err := wire.KV.Range.Over(parent, to, &pb.RangeRequest{
			Key: b.newest.key, Revision: b.newest.mod, KeysOnly: !b.newest.valued,
		})
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
	return !a.missing && a.header.GetRevision() >= b.revision && (!a.looked || b.newest.is(a.kvs))
}
