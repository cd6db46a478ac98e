// SPDX-License-Identifier: Apache-2.0

package follow_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

func TestStepsAreTheListAndThenWholeRevisions(t *testing.T) {
	put(t, registry, "a", "1")
	rev := put(t, registry, "b", "1")
	r := copying(t, follow.Spec{Request: under(t, registry)})
	first := r.to(rev)
	if first.Part != 1 || first.More || first.Resync || first.Rewound || len(first.Events) != 2 {
		t.Errorf("the list is %+v", first)
	}
	txn := op.If().Then(
		op.Put(kv.Key(t.Name()+"/a").WithValue("2")), op.Delete(kv.Key(t.Name()+"/b")), op.Put(kv.Key(t.Name()+"/c").WithValue("2")),
	)
	done, err := kv.Txn(t.Context(), kv.New(registry), txn)
	if err != nil {
		t.Fatal(err)
	}
	step := r.to(done.GetHeader().GetRevision())
	if step.Part != 0 || step.Resync || len(step.Events) != 3 || step.Rev != done.GetHeader().GetRevision() {
		t.Errorf("the transaction is told as %+v", step)
	}
	r.equals(under(t, registry))
	if s := r.f.Status(); !s.InStep || s.Err != nil || s.Rev != step.Rev || s.Resyncs != 0 {
		t.Errorf("the status is %+v", s)
	}
}

func TestEmptyRangeIsToldAsAListWithoutKeys(t *testing.T) {
	r := copying(t, follow.Spec{Request: under(t, registry)})
	if step := r.to(1); step.Part != 1 || len(step.Events) != 0 || step.Rev == 0 {
		t.Errorf("got %+v", step)
	}
}

func TestFollowerIsInStepOnceItsListIsShown(t *testing.T) {
	r := copying(t, follow.Spec{Request: under(t, registry)})
	for step, err := range r.f.Steps() {
		if err != nil {
			continue
		}
		if s := r.f.Status(); s.InStep {
			t.Errorf("before the list is shown the status is %+v", s)
		}
		r.take(step)
		r.f.Shown()
		if s := r.f.Status(); !s.InStep || s.Err != nil || s.Rev != step.Rev {
			t.Errorf("once the list is shown the status is %+v", s)
		}
		break
	}
}

func TestNothingIsLostBetweenTheListAndTheWatch(t *testing.T) {
	var last int64
	list := func(parent context.Context, c ctx.Ctx) iter.Seq2[*pb.RangeResponse, error] {
		return func(yield func(*pb.RangeResponse, error) bool) {
			put(t, registry, "before", "1")
			all, err := kv.Get(parent, c)
			put(t, registry, "after", "1")
			last = remove(t, registry, "before")
			yield(all, err)
		}
	}
	r := copying(t, follow.Spec{Request: under(t, registry), List: list})
	r.until(func(s follow.Step) bool { return s.Rev >= last })
	r.equals(under(t, registry))
}

func TestLoopThatIsLeftGoesOnWhereItEnded(t *testing.T) {
	r := copying(t, follow.Spec{Request: under(t, registry)})
	r.to(1)
	for i := range 5 {
		rev := put(t, registry, "k", fmt.Sprint(i))
		if step := r.to(rev); step.Part != 0 || len(step.Events) != 1 || step.Rev != rev {
			t.Errorf("after put %d the next step is %+v", i, step)
		}
	}
	put(t, registry, "k", "last")
	for range r.f.Steps() {
		for _, err := range r.f.Steps() {
			if err == nil {
				t.Error("there are two readers at a time")
			}
		}
		break
	}
}

// TestCompactionIsToldAsADifference has a slow reader: its watch is parked for the size of the events, and the history that it
// needs is compacted.
func TestCompactionIsToldAsADifference(t *testing.T) {
	for _, key := range []string{"same", "gone", "changed"} {
		put(t, registry, key, "1")
	}
	r := copying(t, follow.Spec{Request: under(t, registry)})
	r.to(1)
	large := strings.Repeat("x", 1<<20)
	for range 8 {
		put(t, registry, "large", large)
	}
	remove(t, registry, "large")
	remove(t, registry, "gone")
	put(t, registry, "changed", "2")
	rev := put(t, registry, "new", "2")
	compact(t, registry, rev)
	step := r.until(func(s follow.Step) bool { return s.Resync && !s.More })
	if step.Rewound || step.Rev < rev {
		t.Errorf("the new list is %+v", step)
	}
	told := map[string]string{}
	for _, e := range step.Events {
		told[strings.TrimPrefix(string(e.GetKv().GetKey()), t.Name()+"/")] = e.GetType().String()
		if e.GetKv().GetModRevision() > step.Rev {
			t.Errorf("an event of a list at %d is of revision %d", step.Rev, e.GetKv().GetModRevision())
		}
	}
	if _, unchanged := told["same"]; unchanged || told["gone"] != "DELETE" || told["changed"] != "PUT" || told["new"] != "PUT" {
		t.Errorf("the difference is %v", told)
	}
	r.equals(under(t, registry))
	if s := r.f.Status(); !s.InStep || s.Resyncs != 1 {
		t.Errorf("the status is %+v", s)
	}
	next := put(t, registry, "next", "3")
	if step := r.to(next); step.Part != 0 {
		t.Errorf("after the list a change is told as %+v", step)
	}
}

func TestListThatFailsHalfWayBeginsAgain(t *testing.T) {
	for i := range 10 {
		put(t, registry, fmt.Sprint(i), "1")
	}
	tries, failure := 0, errors.New("half way")
	list := func(parent context.Context, c ctx.Ctx) iter.Seq2[*pb.RangeResponse, error] {
		return func(yield func(*pb.RangeResponse, error) bool) {
			tries++
			all, err := kv.Get(parent, c)
			for i := 0; err == nil && i < len(all.GetKvs()); i++ {
				if i == 5 && tries == 1 {
					yield(nil, failure)
					return
				}
				if !yield(&pb.RangeResponse{Header: all.GetHeader(), Kvs: all.GetKvs()[i : i+1]}, nil) {
					return
				}
			}
		}
	}
	r := copying(t, follow.Spec{Request: under(t, registry), List: list})
	var parts []int
	var failed error
	for step, err := range r.f.Steps() {
		if err != nil {
			failed = err
			if s := r.f.Status(); s.InStep || !errors.Is(s.Err, failure) {
				t.Errorf("after the failure the status is %+v", s)
			}
			if len(r.now()) > 0 {
				t.Errorf("a part of a list is shown: %v", r.now())
			}
			continue
		}
		r.take(step)
		if parts = append(parts, step.Part); !step.More {
			break
		}
	}
	if want := "[1 2 3 4 1 2 3 4 5 6 7 8 9 10]"; fmt.Sprint(parts) != want || !errors.Is(failed, failure) {
		t.Errorf("the parts are %v after %v, want %s", parts, failed, want)
	}
	r.equals(under(t, registry))
	if s := r.f.Status(); !s.InStep || s.Err != nil || s.Resyncs != 0 {
		t.Errorf("the status is %+v", s)
	}
}

func TestListThatAlwaysFailsIsPausedBetweenAttempts(t *testing.T) {
	list := func(context.Context, ctx.Ctx) iter.Seq2[*pb.RangeResponse, error] {
		return func(yield func(*pb.RangeResponse, error) bool) { yield(nil, errors.New("always")) }
	}
	r := copying(t, follow.Spec{Request: under(t, registry), List: list})
	stop := time.AfterFunc(time.Second, r.f.Close)
	defer stop.Stop()
	failures := 0
	for range r.f.Steps() {
		failures++
	}
	if failures < 1 || failures > 8 { // 25 ms, 50, 100, … at least
		t.Errorf("there are %d attempts in a second", failures)
	}
}

func TestWatchFromAKnownRevisionNeedsNoList(t *testing.T) {
	rev := put(t, registry, "k", "1")
	list := func(context.Context, ctx.Ctx) iter.Seq2[*pb.RangeResponse, error] {
		t.Error("the keys are listed")
		return func(func(*pb.RangeResponse, error) bool) {}
	}
	edit := func(c ctx.Ctx) ctx.Ctx { return c.WithFilterPut() }
	r := copying(t, follow.Spec{Request: under(t, registry), List: list, From: rev, Watch: edit})
	put(t, registry, "k", "2")
	deleted := remove(t, registry, "k")
	step := r.until(func(s follow.Step) bool { return len(s.Events) > 0 })
	if step.Rev != deleted || len(step.Events) != 1 || step.Part != 0 {
		t.Errorf("got %+v, want the deletion at %d", step, deleted)
	}
}

func TestCompactionAfterAKnownRevisionLeadsToAList(t *testing.T) {
	rev := put(t, registry, "k", "1")
	r := copying(t, follow.Spec{Request: under(t, registry), From: rev})
	put(t, registry, "l", "2")
	compact(t, registry, put(t, registry, "l", "3"))
	if step := r.to(rev + 1); step.Part != 1 || !step.Resync || step.Rewound {
		t.Errorf("got %+v, want a list", step)
	}
}

func TestProgressOfAQuietRangeIsAStepWithoutEvents(t *testing.T) {
	r := copying(t, follow.Spec{Request: under(t, registry)})
	r.to(1)
	elsewhere, err := kv.Put(t.Context(), kv.New(registry).WithKey("elsewhere of "+t.Name()).WithValue("1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.f.Progress(t.Context()); errors.Is(err, watch.ErrNoProgress) {
		return // the server may answer too early
	} else if err != nil {
		t.Fatal(err)
	}
	if step := r.to(elsewhere.GetHeader().GetRevision()); step.Part != 0 || len(step.Events) != 0 {
		t.Errorf("got %+v", step)
	}
}

func TestStepsEndWithCloseTheContextAndTheConnection(t *testing.T) {
	last := func(f *follow.Follower, then func()) (last error) {
		time.AfterFunc(50*time.Millisecond, then)
		for _, last = range f.Steps() {
		}
		if err := f.Err(); !errors.Is(last, err) {
			t.Errorf("the last turn is %v, Err says %v", last, err)
		}
		return last
	}
	spec := follow.Spec{Request: under(t, registry), Known: (&replica{}).known}
	f, err := follow.New(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := last(f, f.Close); err != nil {
		t.Errorf("with Close it ends with %v", err)
	}

	parent, cancel := context.WithCancelCause(t.Context())
	if f, err = follow.New(parent, spec); err != nil {
		t.Fatal(err)
	}
	mine := errors.New("mine")
	if err := last(f, func() { cancel(mine) }); !errors.Is(err, mine) || !errors.Is(err, context.Canceled) {
		t.Errorf("with its context it ends with %v", err)
	}

	shared, err := conn.Lookup(registry)
	if err != nil {
		t.Fatal(err)
	}
	c, err := conn.Open(t.Context(), "", []string{shared.Info()[0].Address})
	if err != nil {
		t.Fatal(err)
	}
	spec.Request = spec.Request.WithConn(c.Name())
	if f, err = follow.New(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if err := last(f, func() { _ = c.Close() }); !errors.Is(err, conn.ErrClosed) {
		t.Errorf("with its connection it ends with %v", err)
	}
	if _, err := follow.New(t.Context(), spec); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("on a closed connection it begins with %v", err)
	}
	if f, err = follow.New(t.Context(), follow.Spec{Request: under(t, registry).WithValue("v"), Known: spec.Known}); err != nil {
		t.Fatal(err)
	}
	if err := last(f, func() {}); !errors.Is(err, kv.ErrInvalid) {
		t.Errorf("with a mistake in its request it ends with %v", err)
	}
}

func TestStatusTellsOfAnOutageAndItsEnd(t *testing.T) {
	cluster := etcdtest.Start(t)
	name := own(t, cluster)
	r := copying(t, follow.Spec{Request: under(t, name)})
	r.to(1)
	began := time.Now()
	cluster.Member(0).Kill()
	for r.f.Status().InStep || r.f.Status().Err == nil {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("the status is %+v", r.f.Status())
		}
		time.Sleep(10 * time.Millisecond)
	}
	if s := r.f.Status(); s.Since.Before(began.Add(-time.Second)) || s.Rev == 0 {
		t.Errorf("during the outage the status is %+v", s)
	}
	cluster.Member(0).Restart()
	restarted := time.Now()
	if step := r.to(put(t, name, "k", "1")); step.Resync {
		t.Errorf("an outage without a compaction leads to a list: %+v", step)
	}
	if s := r.f.Status(); !s.InStep || s.Err != nil || s.Since.Before(began) || s.Since.After(restarted.Add(30*time.Second)) {
		t.Errorf("after the outage the status is %+v", s)
	}
	r.equals(under(t, name))
}
