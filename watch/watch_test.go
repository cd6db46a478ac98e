// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

// open opens a connection to a cluster, named after the test. It closes with the test.
func open(t *testing.T, cluster *etcdtest.Cluster, opts ...conn.Option) ctx.Ctx {
	t.Helper()
	c, err := conn.Open(t.Context(), t.Name(), cluster.Endpoints(), opts...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return kv.New(c.Name())
}

func put(t *testing.T, c ctx.Ctx, key, value string) int64 {
	t.Helper()
	r, err := kv.Put(t.Context(), c.WithKey(key).WithValue(value))
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return r.Header.Revision
}

// write writes for sure, and perhaps more than once: a write that a dying member takes along has an unknown outcome.
func write(t *testing.T, c ctx.Ctx, key, value string) {
	t.Helper()
	for {
		_, err := kv.Put(t.Context(), c.WithKey(key).WithValue(value).WithTimeout(time.Second))
		if err == nil {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

func start(t *testing.T, c ctx.Ctx, opts ...watch.Option) *watch.Watcher {
	t.Helper()
	w, err := watch.Watch(t.Context(), c, opts...)
	if err != nil {
		t.Fatalf("Watch: %v", err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// read reads n events, and fails the test if they do not come.
func read(t *testing.T, w *watch.Watcher, n int) []*mvccpb.Event {
	t.Helper()
	stuck := time.AfterFunc(30*time.Second, func() { _ = w.Close() })
	defer stuck.Stop()
	var events []*mvccpb.Event
	if n == 0 {
		return nil
	}
	for e, err := range w.Events() {
		if err != nil {
			t.Fatalf("after %d of %d events: %v", len(events), n, err)
		}
		if events = append(events, e); len(events) == n {
			return events
		}
	}
	t.Fatalf("%d of %d events came within 30 s", len(events), n)
	return nil
}

func brief(events []*mvccpb.Event) string {
	var parts []string
	for _, e := range events {
		part := fmt.Sprintf("%v %s", e.Type, e.Kv.Key)
		if e.Type == mvccpb.Event_PUT {
			part += "=" + string(e.Kv.Value)
		}
		if e.PrevKv != nil {
			part += " was " + string(e.PrevKv.Value)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func TestWatchDeliversWhatIsWatched(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	from := put(t, c, "other", "0") + 1
	key := c.WithStartRevision(from)
	cases := []struct {
		name string
		c    ctx.Ctx
		want string
	}{
		{"one key", key.WithKey("a/1"), "PUT a/1=x, PUT a/1=y, DELETE a/1"},
		{"a prefix", key.WithKey("a/").WithPrefix(), "PUT a/1=x, PUT a/2=z, PUT a/1=y, DELETE a/1, PUT a/3=t, PUT a/4=t"},
		{"a range", key.WithKey("a/2").WithRangeEnd("a/4"), "PUT a/2=z, PUT a/3=t"},
		{"from a key on", key.WithKey("a/4").WithFromKey(), "PUT a/4=t, PUT b=q"},
		{"all keys", key.WithPrefix(), "PUT a/1=x, PUT a/2=z, PUT a/1=y, DELETE a/1, PUT a/3=t, PUT a/4=t, PUT b=q"},
		{"without puts", key.WithKey("a/").WithPrefix().WithFilterPut(), "DELETE a/1"},
		{"without deletes", key.WithKey("a/1").WithFilterDelete(), "PUT a/1=x, PUT a/1=y"},
		{"with values before", key.WithKey("a/1").WithPrevKV(), "PUT a/1=x, PUT a/1=y was x, DELETE a/1 was y"},
	}
	var watchers []*watch.Watcher
	for _, tc := range cases {
		watchers = append(watchers, start(t, tc.c))
	}
	put(t, c, "a/1", "x")
	put(t, c, "a/2", "z")
	put(t, c, "a/1", "y")
	if _, err := kv.Delete(t.Context(), c.WithKey("a/1")); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Txn(t.Context(), c, op.If().Then(
		op.Put(kv.Key("a/3").WithValue("t")), op.Put(kv.Key("a/4").WithValue("t")))); err != nil {
		t.Fatal(err)
	}
	last := put(t, c, "b", "q")
	for i, tc := range cases {
		// The same from the history, by a watch that begins afterwards.
		again := start(t, tc.c)
		n := strings.Count(tc.want, ", ") + 1
		for _, w := range []*watch.Watcher{watchers[i], again} {
			if got := brief(read(t, w, n)); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
			}
			if w.Rev() < from || w.Rev() > last {
				t.Errorf("%s: delivered up to revision %d, want %d to %d", tc.name, w.Rev(), from, last)
			}
		}
	}
}

func TestWatchFromTheFuture(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	now := put(t, c, "k", "0")
	w := start(t, c.WithKey("k").WithStartRevision(now+3))
	for i := range 5 {
		put(t, c, "k", fmt.Sprint(i+1))
	}
	if got := brief(read(t, w, 3)); got != "PUT k=3, PUT k=4, PUT k=5" {
		t.Errorf("got %s", got)
	}
}

func TestCompactedStartTellsFromWhereToGoOn(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	var rev int64
	for i := range 10 {
		rev = put(t, c, "k", fmt.Sprint(i))
	}
	if _, err := kv.Compact(t.Context(), c.WithRev(rev-2)); err != nil {
		t.Fatal(err)
	}
	w := start(t, c.WithKey("k").WithStartRevision(2))
	var last error
	for e, err := range w.Events() {
		if err == nil {
			t.Fatalf("an event %v from before the compaction", e)
		}
		last = err
	}
	var compacted *watch.CompactedError
	if !errors.As(last, &compacted) || compacted.CompactRevision != rev-2 || !errors.Is(last, etcderr.ErrCompacted) {
		t.Fatalf("got %v, want a CompactedError of revision %d", last, rev-2)
	}
	if w.Err() != last {
		t.Errorf("Err is %v", w.Err())
	}
	again := start(t, c.WithKey("k").WithStartRevision(compacted.CompactRevision))
	if got := brief(read(t, again, 3)); got != "PUT k=7, PUT k=8, PUT k=9" {
		t.Errorf("from the revision told: %s", got)
	}
}

func TestLeavingALoopLosesNothing(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	w := start(t, c.WithKey("k").WithPrefix())
	ops := []op.Op{}
	for i := range 6 {
		ops = append(ops, op.Put(kv.Key(fmt.Sprintf("k%d", i)).WithValue("")))
	}
	if _, err := kv.Txn(t.Context(), c, op.If().Then(ops...)); err != nil {
		t.Fatal(err)
	}
	got := brief(read(t, w, 1)) + ", " + brief(read(t, w, 2))
	for r, err := range w.Responses() {
		if err != nil {
			t.Fatal(err)
		}
		got += ", " + brief(r.Events)
		break
	}
	if want := "PUT k0=, PUT k1=, PUT k2=, PUT k3=, PUT k4=, PUT k5="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	put(t, c, "k9", "")
	if r := <-w.Chan(); brief(r.Events) != "PUT k9=" {
		t.Errorf("then %s", brief(r.Events))
	}
	for _, err := range w.Responses() {
		if err == nil {
			t.Error("a second reader was let in")
		}
	}
}

func TestCloseOfOneLeavesItsNeighboursAlone(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	first, second := start(t, c.WithKey("k")), start(t, c.WithKey("k"))
	if first.ID() == second.ID() {
		t.Errorf("both have the ID %d", first.ID())
	}
	put(t, c, "k", "1")
	read(t, first, 1)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	for e, err := range first.Events() {
		t.Errorf("after Close: %v, %v", e, err)
	}
	select {
	case <-first.Done():
	default:
		t.Error("Done is open after Close")
	}
	if first.Err() != nil || first.Close() != nil {
		t.Errorf("after Close: %v", first.Err())
	}
	if r, ok := <-first.Chan(); ok {
		t.Errorf("after Close the channel has %v", r)
	}
	put(t, c, "k", "2")
	if got := brief(read(t, second, 2)); got != "PUT k=1, PUT k=2" {
		t.Errorf("the neighbour got %s", got)
	}
}

func TestTwoWatchesMayHaveOneID(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	a, b := start(t, c.WithKey("k").WithWatchID(7)), start(t, c.WithKey("k").WithWatchID(7))
	other := start(t, c.WithKey("k"))
	if a.ID() != 7 || b.ID() != 7 || other.ID() == 7 {
		t.Errorf("IDs %d, %d, %d", a.ID(), b.ID(), other.ID())
	}
	put(t, c, "k", "v")
	for _, w := range []*watch.Watcher{a, b, other} {
		if got := brief(read(t, w, 1)); got != "PUT k=v" {
			t.Errorf("got %s", got)
		}
	}
}

func TestProgressIsAnsweredAfterTheEvents(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	w := start(t, c.WithKey("k"))
	put(t, c, "k", "v")
	last := put(t, c, "other", "v")
	if err := w.Progress(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []*pb.WatchResponse
	for r, err := range w.Responses() {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, r); len(r.Events) == 0 {
			break
		}
	}
	if len(got) != 2 || len(got[0].Events) != 1 || got[1].Header.Revision != last || got[1].WatchId != w.ID() || w.Rev() != last {
		t.Errorf("got %v", got)
	}
	_ = w.Close()
	if err := w.Progress(t.Context()); err == nil {
		t.Error("a closed watch takes a progress request")
	}
}

// A member answers for a stream only if each watch that it knows on it is in step.
func TestProgressIsAnsweredBesideAWatchThatCannotBe(t *testing.T) {
	cluster := etcdtest.Start(t)
	setUp := open(t, cluster)
	last := put(t, setUp, "k", "v")
	if _, err := kv.Compact(t.Context(), setUp.WithRev(last)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		beside ctx.Ctx
		ends   bool
	}{
		{"compacted", kv.Key("k").WithStartRevision(1), true},
		{"from the future", kv.Key("k").WithStartRevision(last + 1_000_000), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := open(t, cluster)
			w := start(t, c.WithKey("k"))
			if other := start(t, tt.beside.WithConn(c.Conn())); tt.ends {
				<-other.Done()
			}
			if err := w.Progress(t.Context()); err != nil {
				t.Fatal(err)
			}
			stuck := time.AfterFunc(5*time.Second, func() { _ = w.Close() })
			defer stuck.Stop()
			for r, err := range w.Responses() {
				if err != nil || r.Header.Revision != last {
					t.Errorf("got %v, %v", r, err)
				}
				return
			}
			t.Error("no answer in 5 s")
		})
	}
}

func TestBadWatchesAreRefusedBeforeTheyAreSent(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	cases := []struct {
		name   string
		parent context.Context
		c      ctx.Ctx
		opts   []watch.Option
		is     error
		text   []string
	}{
		{"without key or prefix", t.Context(), c, nil, ctx.ErrInvalid, []string{"needs a key"}},
		{"a negative revision", t.Context(), c.WithKey("k").WithStartRevision(-1), nil, ctx.ErrInvalid, []string{"WithStartRevision(-1)"}},
		{"a value and a sort", t.Context(), c.WithKey("k").WithValue("hush").WithSort(kv.ByKey, kv.Ascend), nil, ctx.ErrInvalid, []string{"WithValue", "WithSort"}},
		{"a buffer of nothing", t.Context(), c.WithKey("k"), []watch.Option{watch.WithBuffer(0), nil}, ctx.ErrInvalid, []string{"WithBuffer(0)"}},
		{"no connection", t.Context(), watch.Key("k"), nil, conn.ErrNotOpen, nil},
		{"an unknown connection", t.Context(), watch.New("nowhere").WithKey("k"), nil, conn.ErrNotOpen, []string{`"nowhere"`}},
		{"an unknown endpoint", t.Context(), c.WithKey("k").WithEndpoint("127.0.0.1:1"), nil, conn.ErrEndpoint, nil},
		{"a timeout of 5 ns", t.Context(), c.WithKey("k").WithTimeout(5), nil, ctx.ErrInvalid, []string{"WithTimeout(5ns)"}},
		{"a cancelled parent", cancelled, c.WithKey("k"), nil, context.Canceled, nil},
		{"no parent", nil, c.WithKey("k"), nil, ctx.ErrInvalid, []string{"nil"}},
	}
	for _, tc := range cases {
		w, err := watch.Watch(tc.parent, tc.c, tc.opts...)
		if !errors.Is(err, tc.is) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s: %v, %v (%v)", tc.name, w, err, etcderr.OutcomeOf(err))
			continue
		}
		for _, part := range tc.text {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v lacks %q", tc.name, err, part)
			}
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v tells a value", tc.name, err)
		}
	}
}

func TestParentEndsTheWatch(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	parent, cancel := context.WithCancelCause(t.Context())
	w, err := watch.Watch(parent, c.WithKey("k"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, "k", "never read")
	reason := errors.New("going home")
	cancel(reason)
	<-w.Done()
	for e, err := range w.Events() {
		if err == nil || !errors.Is(err, context.Canceled) || !errors.Is(err, reason) {
			t.Errorf("got %v, %v", e, err)
		}
	}
}

func TestCloseOfTheConnectionEndsItsWatches(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	w, idle := start(t, c.WithKey("k")), start(t, c.WithKey("k"))
	channel := idle.Chan()
	put(t, c, "k", "unread")
	if err := conn.Close(c.Conn()); err != nil {
		t.Fatal(err)
	}
	<-w.Done()
	for e, err := range w.Events() {
		if !errors.Is(err, conn.ErrClosed) {
			t.Errorf("got %v, %v", e, err)
		}
	}
	for range channel {
	}
	if !errors.Is(idle.Err(), conn.ErrClosed) {
		t.Errorf("Err is %v", idle.Err())
	}
}

func TestWatchFailsAtOnceWhileNoEndpointIsActive(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	old := start(t, c.WithKey("k"))
	m := cluster.Member(0)
	m.Kill()
	to, err := conn.Lookup(c.Conn())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 { // from the moment of the loss on
		began := time.Now()
		w, err := watch.Watch(t.Context(), c.WithKey("k"))
		if !errors.Is(err, conn.ErrUnavailable) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Fatalf("got %v, %v", w, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(5 * time.Millisecond)
	}
	m.Restart()
	if err := to.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := start(t, c.WithKey("k"))
	put(t, c, "k", "v")
	for _, w := range []*watch.Watcher{old, fresh} {
		if got := brief(read(t, w, 1)); got != "PUT k=v" {
			t.Errorf("got %s", got)
		}
	}
}
