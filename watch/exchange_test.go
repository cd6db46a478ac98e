// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"testing"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// A process that is stopped, or gets little CPU, sees its ticks late. An answer may be there that it has not read yet.
func TestCreationIsOverdueAfterTicksAndNotAfterClockTime(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kind    kind
		overdue bool
	}{
		{"a server whose kind is not known", unknown, true},
		{"a server that chooses IDs", chooser, true},
		{"a server that refuses IDs", refuser, true},
		{"a member, which answers in order", member, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e exchange
			e.start(true, false)
			e.kind = tt.kind
			w := new(feed)
			w.begin(&pb.WatchCreateRequest{Key: []byte("k")}, 1)
			e.want(w, false)
			if e.next(0, 0).GetCreateRequest() == nil {
				t.Fatal("no creation is sent")
			}
			for i := range answerTicks {
				if e.tick() {
					t.Errorf("the server is blamed at tick %d", i+1)
				}
			}
			if got := e.tick(); got != tt.overdue || w.at.tardy != tt.overdue {
				t.Errorf("one tick later the creation is overdue: %v, tardy: %v", got, w.at.tardy)
			}
			e.answer()
			if e.tick() || w.at.tardy {
				t.Error("the server is blamed after its answer")
			}
		})
	}
}
