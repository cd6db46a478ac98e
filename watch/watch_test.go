// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/watch"
)

func TestWatchDeliversTheEventsOfItsKeysAndNoOthers(t *testing.T) {
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

func TestWatchFromAFutureRevisionSkipsEarlierEvents(t *testing.T) {
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

func TestWatchOfACompactedRevisionTellsTheOldestThatIsLeft(t *testing.T) {
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
	begins, left := rev-2, []string{"PUT k=7", "PUT k=8", "PUT k=9"}
	if lossy(cluster) {
		begins, left = begins+1, left[1:]
	}
	if !errors.As(last, &compacted) || compacted.CompactRevision != begins || !errors.Is(last, etcderr.ErrCompacted) {
		t.Fatalf("got %v, want a CompactedError of revision %d", last, begins)
	}
	if w.Err() != last {
		t.Errorf("Err is %v", w.Err())
	}
	again := start(t, c.WithKey("k").WithStartRevision(compacted.CompactRevision))
	if got := brief(read(t, again, len(left))); got != strings.Join(left, ", ") {
		t.Errorf("from the revision told: %s", got)
	}
}

func TestLeavingALoopLosesNoEvent(t *testing.T) {
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

func TestCloseOfAWatchDoesNotAffectOthersOnItsStream(t *testing.T) {
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

func TestTwoWatchesMayHaveTheSameID(t *testing.T) {
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
		t.Error("a closed watch accepts a progress request")
	}
}

// A member answers a progress request only if every watch of the stream is in step.
func TestProgressIsAnsweredBesideCompactedAndFutureWatches(t *testing.T) {
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
			if other := start(t, tt.beside.WithConn(sealed.Ctx(c).Conn())); tt.ends {
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
