// SPDX-License-Identifier: Apache-2.0

package follow_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/wire/past"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// TestFollowerWithoutAnEventNoticesAnotherHistory restores a copy, and takes the store beyond the revision of the list, before the
// follower is back. Its watch has had no event that it could compare.
func TestFollowerWithoutAnEventNoticesAnotherHistory(t *testing.T) {
	elsewhere := func(t *testing.T, c string, n int) {
		t.Helper()
		for i := range n {
			if _, err := kv.Put(t.Context(), kv.New(c).WithKey("elsewhere").WithValue(fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		before, lost, after func(t *testing.T, c string) // before and after the copy, and after the restore
	}{
		"the newest key is another one": {
			before: func(t *testing.T, c string) { put(t, c, "a", "1") },
			lost:   func(t *testing.T, c string) { put(t, c, "b", "1") },
			after:  func(t *testing.T, c string) { put(t, c, "c", "1") },
		},
		"only a value differs": {
			before: func(t *testing.T, c string) { put(t, c, "a", "1") },
			lost:   func(t *testing.T, c string) { put(t, c, "a", "2") },
			after:  func(t *testing.T, c string) { put(t, c, "a", "3") },
		},
		"a key is put in a range that was empty": {
			before: func(t *testing.T, c string) { elsewhere(t, c, 1) },
			lost:   func(t *testing.T, c string) { elsewhere(t, c, 5) },
			after:  func(t *testing.T, c string) { put(t, c, "a", "1") },
		},
		"a key is put in a range that was quiet": {
			before: func(t *testing.T, c string) { put(t, c, "a", "1") },
			lost:   func(t *testing.T, c string) { elsewhere(t, c, 5) },
			after:  func(t *testing.T, c string) { put(t, c, "b", "1") },
		},
		"a key is deleted in a range that was quiet": {
			before: func(t *testing.T, c string) { put(t, c, "a", "1"); put(t, c, "b", "1") },
			lost:   func(t *testing.T, c string) { elsewhere(t, c, 5) },
			after:  func(t *testing.T, c string) { remove(t, c, "a") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := etcdtest.Start(t)
			var g onecluster.Gate
			own, writer := own(t, cluster, g.Option()), own(t, cluster)
			c.before(t, writer)
			copied := cluster.SaveData()
			c.lost(t, writer)
			r := copying(t, follow.Spec{Request: under(t, own)})
			first := r.to(1)
			g.Shut()
			cluster.RestoreData(copied)
			c.after(t, writer)
			elsewhere(t, writer, 20)
			g.Open()
			step := r.until(func(s follow.Step) bool { return s.Part > 0 && !s.More })
			if !step.Rewound || !step.Resync || step.Age != first.Age+1 {
				t.Errorf("the new list is %+v", step)
			}
			r.equals(under(t, writer))
			if s := r.f.Status(); !s.InStep || s.Err != nil || s.Age != step.Age {
				t.Errorf("the status is %+v", s)
			}
			r.to(put(t, writer, "next", "3"))
			r.equals(under(t, writer))
		})
	}
}

// TestFollowerNoticesAStoreThatGoesBackWhileItBegins restores a copy after the follower has looked at the revision, and before it
// watches from there.
func TestFollowerNoticesAStoreThatGoesBackWhileItBegins(t *testing.T) {
	cluster := etcdtest.Start(t)
	name := own(t, cluster)
	put(t, name, "a", "1")
	copied := cluster.SaveData()
	for i := range 10 {
		put(t, name, "a", fmt.Sprint(i))
	}
	var once sync.Once
	r := copying(t, follow.Spec{Request: under(t, name), Watch: func(c ctx.Ctx) ctx.Ctx {
		once.Do(func() { cluster.RestoreData(copied) })
		return c
	}})
	r.to(1)
	r.to(put(t, name, "b", "2"))
	r.equals(under(t, name))
}

// TestLaterWatchOfAFollowedRangeIsNoSignOfAnotherHistory has a watch of the same range begin after an event that only the follower
// has had.
func TestLaterWatchOfAFollowedRangeIsNoSignOfAnotherHistory(t *testing.T) {
	cluster := etcdtest.Start(t)
	name := own(t, cluster)
	put(t, name, "a", "1")
	r := copying(t, follow.Spec{Request: under(t, name)})
	r.to(1)
	r.to(put(t, name, "b", "1"))
	at, err := kv.Put(t.Context(), kv.New(name).WithKey("elsewhere").WithValue("1"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := watch.Watch(t.Context(), under(t, name).WithStartRevision(at.GetHeader().GetRevision()+1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	cluster.Member(0).Kill()
	cluster.Member(0).Restart()
	if step := r.to(put(t, name, "c", "1")); step.Rewound || step.Resync {
		t.Errorf("after a restart of the same store: %+v", step)
	}
	for response, err := range w.Responses() {
		if err != nil {
			t.Fatal(err)
		}
		if len(response.GetEvents()) > 0 {
			return
		}
	}
	t.Errorf("the later watch ended: %v", w.Err())
}

// TestKnownRevisionOfAnotherHistoryLeadsToAList ends the history after the follower was made and before it begins its watch.
func TestKnownRevisionOfAnotherHistoryLeadsToAList(t *testing.T) {
	cluster := etcdtest.Start(t)
	name := own(t, cluster)
	rev := put(t, name, "a", "1")
	r := copying(t, follow.Spec{Request: under(t, name), From: rev})
	to, err := engine.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	past.Of(to).Over(past.Of(to).Epoch(), &pb.ResponseHeader{Revision: rev})
	put(t, name, "b", "1")
	step := r.until(func(s follow.Step) bool { return !s.More })
	if step.Part == 0 || !step.Rewound || step.Age != 1 {
		t.Errorf("got %+v, want a list of another history", step)
	}
	r.equals(under(t, name))
}
