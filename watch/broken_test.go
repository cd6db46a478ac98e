// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"testing"
	"testing/synctest"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// No etcd sends such a response. A broken proxy may.
func TestEventWithoutItsKeyBreaksTheStreamAndNotTheProgram(t *testing.T) {
	broken := &mvccpb.Event{Type: mvccpb.Event_DELETE}
	for name, events := range map[string][]*mvccpb.Event{
		"alone":            {broken},
		"before others":    append([]*mvccpb.Event{broken}, changes(0, 2, 3).Events...),
		"after others":     append(changes(0, 2, 3).Events, broken),
		"with a null pair": {{PrevKv: &mvccpb.KeyValue{Key: []byte("k"), ModRevision: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a")
				pending := begin(openFake(t, m).WithKey("k").WithPrevKV())
				s := m.opened()
				r := s.confirm(t, 1)
				w := pending.wait(t)
				s.send(t, &pb.WatchResponse{Header: at(3), WatchId: r.WatchId, Events: events})
				s = m.opened()
				if r = s.confirm(t, 3); r.StartRevision != 2 {
					t.Errorf("goes on from revision %d", r.StartRevision)
				}
				s.tell(t, r.WatchId, 2, 3)
				if got := brief(read(t, w, 2)); got != "PUT k=2.0, PUT k=3.0" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}
