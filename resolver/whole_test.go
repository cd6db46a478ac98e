// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// puts returns the events of puts of instances, each under its address.
func puts(addresses ...string) (events []*mvccpb.Event) {
	for _, a := range addresses {
		events = append(events, &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(a), Value: []byte(a)}})
	}
	return events
}

func deletes(key string) *mvccpb.Event {
	return &mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: []byte(key)}}
}

// TestGRPCIsToldWholeStepsOnly has a format take so long that the time of a list passes in the middle of a step.
func TestGRPCIsToldWholeStepsOnly(t *testing.T) {
	options := optionsOf([]Option{WithFormat(func(pair *mvccpb.KeyValue) (Instance, error) {
		time.Sleep(150 * time.Millisecond)
		return Instance{Addr: string(pair.GetValue())}, nil
	})})
	for name, tt := range map[string]struct {
		last follow.Step
		want []string
	}{
		"a list of another history": {
			follow.Step{Part: 1, Rewound: true, Events: puts("a", "b")}, []string{"450ms [a b c]", "550ms [a b]"},
		},
		"a transaction that replaces all instances": {
			follow.Step{Events: append([]*mvccpb.Event{deletes("a"), deletes("b")}, puts("d", "e")...)},
			[]string{"450ms [a b c]", "550ms [a b]", "750ms [d e]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, l := &told{began: time.Now()}, &link{since: time.Now()}
				s, k := newShown(c, "p/", keepLast, &memory{}, l.inStep), &keys{options: &options}
				for _, step := range []follow.Step{
					{Part: 1, Events: puts("a", "b", "c")},
					{Events: []*mvccpb.Event{deletes("c")}}, // gRPC is told of it when its time comes
					tt.last,
				} {
					if turn, whole := k.read(step); whole {
						s.list(k, turn)
					}
				}
				time.Sleep(time.Second)
				if s.close(follow.History{}); !slices.Equal(c.all, tt.want) {
					t.Errorf("told is %q\nwant %q", c.all, tt.want)
				}
			})
		})
	}
}
