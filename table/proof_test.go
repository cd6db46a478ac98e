// SPDX-License-Identifier: Apache-2.0

package table

import (
	"testing"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// TestRevisionThatWasProvenHidesWhatHappenedBefore has the watch tell late of a key that was put and deleted before a revision at
// which a comparison with the store has shown that the table has every key.
func TestRevisionThatWasProvenHidesWhatHappenedBefore(t *testing.T) {
	f := &Table[string]{replica: newReplica[string]()}
	feed := &feeder[string]{replica: f.replica, decoder: decoder[string]{decode: String}}
	take := func(rev int64, typ mvccpb.Event_EventType, key string) {
		feed.feed(follow.Step{Rev: rev, Header: &pb.ResponseHeader{}, Events: []*mvccpb.Event{
			{Type: typ, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: rev}},
		}})
	}
	take(5, mvccpb.Event_PUT, "a")
	at, _, _ := f.replica.at()
	f.replica.raise(at, &pb.ResponseHeader{Revision: 10})
	take(7, mvccpb.Event_PUT, "b")
	if _, there := f.Get("b"); there || f.Snapshot().Len() != 1 {
		t.Errorf("at revision %d the table shows a key that was deleted at 8", f.Snapshot().Rev())
	}
	take(8, mvccpb.Event_DELETE, "b")
	take(12, mvccpb.Event_PUT, "c")
	if s := f.Snapshot(); s.Rev() != 12 || s.Len() != 2 {
		t.Errorf("the table has %d keys at %d", s.Len(), s.Rev())
	}
}
