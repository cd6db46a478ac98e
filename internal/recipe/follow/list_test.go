// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// sorted returns the keys of a map in order, each with its revision.
func sorted(revs map[string]int64) iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for _, key := range slices.Sorted(maps.Keys(revs)) {
			if !yield(key, revs[key]) {
				return
			}
		}
	}
}

// pagesOf lists a map in pages of a given size.
func pagesOf(revs map[string]int64, size int) func(context.Context, ctx.Ctx) iter.Seq2[*pb.RangeResponse, error] {
	return func(context.Context, ctx.Ctx) iter.Seq2[*pb.RangeResponse, error] {
		return func(yield func(*pb.RangeResponse, error) bool) {
			page := &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 1000, ClusterId: 1}}
			for key, rev := range sorted(revs) {
				if len(page.Kvs) == size {
					if !yield(page, nil) {
						return
					}
					page = &pb.RangeResponse{Header: page.Header}
				}
				page.Kvs = append(page.Kvs, &mvccpb.KeyValue{Key: []byte(key), ModRevision: rev})
			}
			yield(page, nil)
		}
	}
}

// TestListTellsExactlyTheDifference compares random lists with random known keys, in pages of different sizes.
func TestListTellsExactlyTheDifference(t *testing.T) {
	for round := range 500 {
		known, now := map[string]int64{}, map[string]int64{}
		for i := range rand.IntN(12) {
			known[fmt.Sprintf("k%02d", rand.IntN(15))] = int64(i + 1)
		}
		for key, rev := range known {
			switch rand.IntN(3) {
			case 0:
				now[key] = rev
			case 1:
				now[key] = rev + 100
			}
		}
		for range rand.IntN(6) {
			now[fmt.Sprintf("k%02d", rand.IntN(15))] = 500
		}
		over := round%2 == 1
		before := history{rev: 20, begun: true, over: over}
		got, changed := maps.Clone(known), map[string]bool{}
		parts := 0
		apply := func(s Step) bool {
			if parts++; s.Part != parts || s.Rev != 1000 || !s.Resync || s.Rewound != over {
				t.Fatalf("part %d is %+v", parts, s)
			}
			for _, e := range s.Events {
				key := string(e.GetKv().GetKey())
				if changed[key] {
					t.Fatalf("%s is told twice", key)
				}
				changed[key] = true
				if e.GetType() == mvccpb.Event_DELETE {
					delete(got, key)
				} else {
					got[key] = e.GetKv().GetModRevision()
				}
			}
			return s.More
		}
		spec := Spec{Known: func() iter.Seq2[string, int64] { return sorted(known) }, List: pagesOf(now, 1+rand.IntN(4))}
		last, _, err := list(t.Context(), spec, before, before.epoch, apply)
		if err != nil || last.More {
			t.Fatalf("the last part is %+v, %v", last, err)
		}
		apply(last)
		if !maps.Equal(got, now) {
			t.Fatalf("from %v to %v the difference leads to %v", known, now, got)
		}
		for key, rev := range known {
			if same := now[key] == rev; same && changed[key] != over {
				t.Fatalf("%s has not changed; told: %v, another history: %v", key, changed[key], over)
			}
		}
	}
}

func TestListOfAnotherHistoryIsRecognized(t *testing.T) {
	at := &pb.ResponseHeader{ClusterId: 1, Revision: 10}
	for name, c := range map[string]struct {
		before history
		over   bool
	}{
		"nothing was told":       {history{}, false},
		"the same revision":      {history{rev: 10, epoch: 7, begun: true}, false},
		"an older revision":      {history{rev: 9, epoch: 7, begun: true}, false},
		"a newer revision":       {history{rev: 11, epoch: 7, begun: true}, true},
		"another epoch":          {history{rev: 1, epoch: 6, begun: true}, true},
		"the same cluster":       {history{rev: 9, epoch: 7, cluster: 1, begun: true}, false},
		"another cluster":        {history{rev: 9, epoch: 7, cluster: 2, begun: true}, true},
		"the watch has reported": {history{rev: 1, epoch: 7, begun: true, over: true}, true},
	} {
		if got := c.before.isOver(at, 7); got != c.over {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
