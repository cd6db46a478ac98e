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
// trace, or else the first of keys that the server does not refuse, and the ranges given. Compare returns up to which revision the
// history is surely the same, and the epoch of what the store tells from now on.
//
// The raft term is not compared: a member that caught up by a snapshot names an older one until its next entry.
func (p *Past) Compare(parent context.Context, to wire.Route, keys [][]byte, quiet []Quiet) (same, epoch int64, err error) {
	before := p.now()
	if before.revision == 0 {
		return 0, before.epoch, nil
	}
	a, err := before.lookUp(parent, to, keys)
	switch {
	case errors.Is(err, etcderr.ErrPermissionDenied), resume.Refused(to.Conn, err), err == nil && a.header == nil:
		return 0, before.epoch, nil // there is nothing to compare with
	case err != nil:
		return 0, before.epoch, err
	case !before.agrees(a):
		p.Over(before.epoch, a.header)
		return 0, before.epoch + 1, nil
	}
	if a.looked {
		same = before.newest.mod
	}
	if other := before.differing(parent, to, quiet, same); other != nil {
		p.Over(before.epoch, other)
		return 0, before.epoch + 1, nil
	}
	p.Note(before.epoch, a.header, nil)
	return same, before.epoch, nil
}

// answer is what the store says about itself, and about the newest trace.
type answer struct {
	header  *pb.ResponseHeader
	looked  bool               // kvs is valid
	kvs     []*mvccpb.KeyValue // of the trace's key at the trace's revision
	missing bool               // the store has not reached that revision
}

// lookUp reads the key of the newest trace at its revision. Where that has been compacted or may not be read, it reads the revision
// of the store only, with the first key that may be read.
func (b seen) lookUp(parent context.Context, to wire.Route, keys [][]byte) (answer, error) {
	var a answer
	var err error
	if b.newest.mod != 0 {
		var r *pb.RangeResponse
		r, err = wire.KV.Range.Over(parent, to, &pb.RangeRequest{
			Key: b.newest.key, Revision: b.newest.mod, KeysOnly: !b.newest.valued,
		})
		switch {
		case err == nil:
			return answer{header: r.GetHeader(), looked: true, kvs: r.GetKvs()}, nil
		case errors.Is(err, etcderr.ErrFutureRev), errors.Is(err, etcderr.ErrCompacted):
			a.missing = errors.Is(err, etcderr.ErrFutureRev)
			keys = append([][]byte{b.newest.key}, keys...) // it may be read
		case !errors.Is(err, etcderr.ErrPermissionDenied):
			return a, err
		}
	}
	for _, key := range keys {
		var r *pb.RangeResponse
		r, err = wire.KV.Range.Over(parent, to, &pb.RangeRequest{Key: key, KeysOnly: true})
		if !errors.Is(err, etcderr.ErrPermissionDenied) {
			a.header = r.GetHeader()
			break
		}
	}
	return a, err
}

// agrees reports whether an answer belongs to the history that was seen.
func (b seen) agrees(a answer) bool {
	if cluster := a.header.GetClusterId(); cluster != 0 && b.cluster != 0 && cluster != b.cluster {
		return false
	}
	return !a.missing && a.header.GetRevision() >= b.revision && (!a.looked || b.newest.is(a.kvs))
}
