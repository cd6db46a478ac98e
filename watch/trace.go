// SPDX-License-Identifier: Apache-2.0

package watch

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// trace is an event without its value.
type trace struct {
	key                  []byte // nil: there was no event
	deleted              bool
	create, mod, version int64
}

func traceOf(e *mvccpb.Event) trace {
	return trace{e.Kv.Key, e.Type == mvccpb.Event_DELETE, e.Kv.CreateRevision, e.Kv.ModRevision, e.Kv.Version}
}

// continues reports whether e is the next event of the key after t. Where t is no event, it reports whether e is the first
// event from a revision on.
func (t trace) continues(e *mvccpb.Event, from int64) bool {
	before := e.PrevKv.GetModRevision()
	switch {
	case t.key == nil:
		return before < from && (e.Kv.Version <= 1 || e.Kv.CreateRevision < from)
	case e.Type == mvccpb.Event_DELETE:
		return !t.deleted && (before == 0 || before == t.mod)
	case e.Kv.Version == 1:
		return t.deleted
	default:
		return !t.deleted && e.Kv.Version == t.version+1 && e.Kv.CreateRevision == t.create
	}
}

// misses reports whether a read of the key shows an event from revision next on that t does not have.
func (t trace) misses(r *pb.RangeResponse, next int64) bool {
	if len(r.GetKvs()) == 0 {
		return t.key != nil && !t.deleted && r.GetHeader().GetRevision() >= next
	}
	return r.Kvs[0].ModRevision >= next
}
