// SPDX-License-Identifier: Apache-2.0

package table_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/table"
)

func TestTableShowsTheListAndThenWholeRevisions(t *testing.T) {
	put(t, registry, "a", "1")
	put(t, registry, "b", "1")
	f := follow(t, under(t, registry), table.String)
	equals(t, f, under(t, registry))
	before := f.Snapshot()
	txn := op.If().Then(
		op.Put(kv.Key(t.Name()+"/a").WithValue("2")), op.Delete(kv.Key(t.Name()+"/b")), op.Put(kv.Key(t.Name()+"/c").WithValue("2")),
	)
	done, err := kv.Txn(bounded(t), kv.New(registry), txn)
	if err != nil {
		t.Fatal(err)
	}
	reaches(t, f, done.GetHeader().GetRevision())
	equals(t, f, under(t, registry))
	if e, _ := before.Get(t.Name() + "/a"); e.Value != "1" || before.Len() != 2 {
		t.Errorf("the snapshot before has %+v and %d entries", e, before.Len())
	}
	if s := f.Status(); !s.InStep || s.Err != nil || s.Rev < done.GetHeader().GetRevision() || s.Resyncs != 0 || len(s.Undecoded) > 0 {
		t.Errorf("the status is %+v", s)
	}
}

func TestSnapshotIsInTheOrderOfTheKeys(t *testing.T) {
	for _, key := range []string{"b/2", "a", "c", "b/1", "b"} {
		put(t, registry, key, key)
	}
	f := follow(t, under(t, registry), table.String)
	var got []string
	for e := range f.Snapshot().All() {
		got = append(got, e.Value)
	}
	if !slices.Equal(got, []string{"a", "b", "b/1", "b/2", "c"}) {
		t.Errorf("all entries are %v", got)
	}
	got = nil
	for e := range f.Snapshot().Prefix(t.Name() + "/b/") {
		got = append(got, e.Value)
	}
	if !slices.Equal(got, []string{"b/1", "b/2"}) {
		t.Errorf("the entries with a prefix are %v", got)
	}
	for range f.Snapshot().All() {
		break
	}
	var empty table.Snapshot[string]
	for range empty.All() {
		t.Error("an empty snapshot has an entry")
	}
	if _, there := empty.Get("a"); there {
		t.Error("an empty snapshot has a key")
	}
}

func TestSyncMakesReadsLinearizable(t *testing.T) {
	f := follow(t, under(t, registry), table.String)
	for i := range 200 {
		want := fmt.Sprint(i)
		put(t, registry, "k", want)
		if i%2 == 1 {
			if _, err := kv.Put(bounded(t), kv.New(registry).WithKey("elsewhere").WithValue(want)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Sync(bounded(t)); err != nil {
			t.Fatal(err)
		}
		if e, _ := f.Get(t.Name() + "/k"); e.Value != want {
			t.Fatalf("after Sync the table has %q, want %q", e.Value, want)
		}
	}
}

// A revision that has touched nothing of the range comes as progress.
func TestWaitRevReturnsForARevisionThatTouchedNothing(t *testing.T) {
	f := follow(t, under(t, registry), table.String)
	done, err := kv.Put(bounded(t), kv.New(registry).WithKey("elsewhere").WithValue("1"))
	if err != nil {
		t.Fatal(err)
	}
	reaches(t, f, done.GetHeader().GetRevision())
	brief, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := f.WaitRev(brief, done.GetHeader().GetRevision()+1_000_000); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the wait for a revision that does not exist: %v", err)
	}
}

func TestValueThatDoesNotDecodeKeepsTheLastGoodOne(t *testing.T) {
	decode := func(pair *mvccpb.KeyValue) (int, error) {
		switch v := string(pair.GetValue()); v {
		case "panic":
			panic("two\nlines")
		case "bad":
			return 5, errors.New("bad value")
		default:
			return len(v), nil
		}
	}
	var failed []string
	put(t, registry, "never", "bad")
	f := follow(t, under(t, registry), decode, table.WithOnError[int](func(key string, err error) {
		failed = append(failed, strings.TrimPrefix(key, t.Name()+"/")+": "+err.Error())
	}), table.WithValidate(func(n int) error {
		if n > 9 {
			return errors.New("too long")
		}
		return nil
	}))
	put(t, registry, "k", "1")
	put(t, registry, "k", "bad")
	put(t, registry, "p", "22")
	put(t, registry, "p", "panic")
	put(t, registry, "v", "1")
	rev := put(t, registry, "v", "more than nine")
	reaches(t, f, rev)
	got := contents(f.Snapshot())
	if len(got) != 3 || got[t.Name()+"/k"] != 1 || got[t.Name()+"/p"] != 2 || got[t.Name()+"/v"] != 1 || f.Snapshot().Len() != 3 {
		t.Errorf("the table has %v", got)
	}
	if _, there := f.Get(t.Name() + "/never"); there {
		t.Error("a key whose value has never decoded is there")
	}
	want := []string{"never: bad value", "k: bad value", "p: panic: two lines", "v: too long"}
	if !slices.Equal(failed, want) {
		t.Errorf("told %q, want %q", failed, want)
	}
	if bad := f.Status().Undecoded; len(bad) != 4 || bad[0] != t.Name()+"/k" {
		t.Errorf("the keys that do not decode are %q", bad)
	}
	put(t, registry, "k", "333")
	rev = remove(t, registry, "never")
	reaches(t, f, rev)
	if bad := f.Status().Undecoded; len(bad) != 2 {
		t.Errorf("the keys that do not decode are %q", bad)
	}
	if e, _ := f.Get(t.Name() + "/k"); e.Value != 3 {
		t.Errorf("a good value after a bad one is %v", e)
	}
}

func TestPanicOfWithOnErrorHurtsNobody(t *testing.T) {
	bad := func(pair *mvccpb.KeyValue) (string, error) {
		if v := string(pair.GetValue()); v != "bad" {
			return v, nil
		}
		return "", errors.New("bad value")
	}
	put(t, registry, "k", "bad")
	f := follow(t, under(t, registry), bad, table.WithOnError[string](func(string, error) { panic("at the error") }))
	put(t, registry, "k", "bad")
	reaches(t, f, put(t, registry, "k", "good"))
	if e, _ := f.Get(t.Name() + "/k"); e.Value != "good" {
		t.Errorf("after the panics the table has %+v", e)
	}
}

func TestRequestThatMakesNoSenseIsRefused(t *testing.T) {
	c := under(t, registry)
	var none func(*mvccpb.KeyValue) (string, error)
	var noContext context.Context
	for want, follow := range map[string]func() error{
		"a table needs WithKey":      func() error { _, err := table.Follow(t.Context(), table.New(registry), table.String); return err },
		"WithLimit and WithFirstKey": func() error { _, err := table.Follow(t.Context(), c.WithLimit(3), table.String); return err },
		"WithSort": func() error {
			_, err := table.Follow(t.Context(), c.WithSort(kv.ByKey, kv.Descend), table.String)
			return err
		},
		"WithValue":                        func() error { _, err := table.Follow(t.Context(), c.WithValue("v"), table.String); return err },
		"WithRev":                          func() error { _, err := table.Follow(t.Context(), c.WithRev(3), table.String); return err },
		"WithKeysOnly":                     func() error { _, err := table.Follow(t.Context(), c.WithKeysOnly(), table.String); return err },
		"table: the decoder is nil":        func() error { _, err := table.Follow(t.Context(), c, none); return err },
		"table: the parent context is nil": func() error { _, err := table.Follow(noContext, c, table.String); return err },
		"table: WithDefault is for Live":   func() error { _, err := table.Follow(t.Context(), c, table.String, table.WithDefault("d")); return err },
		"the parent context is nil":        func() error { return follow(t, c, table.String).WaitRev(noContext, 1) },
		"parent context is nil":            func() error { return follow(t, c, table.String).Sync(noContext) },
	} {
		err := follow()
		if !errors.Is(err, kv.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	if _, err := table.Follow(t.Context(), under(t, "no such connection"), table.String); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("without a connection: %v", err)
	}
}

func TestFollowWaitsThroughAnOutageAsLongAsItMay(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster.Endpoints(), conn.WithPatience(0))
	put(t, c, "k", "1")
	cluster.Member(0).Kill()
	_, err := table.Follow(t.Context(), under(t, c).WithTimeout(time.Second), table.String)
	if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "\n") {
		t.Errorf("with a timeout: %v", err)
	}
	cancelled, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	time.AfterFunc(300*time.Millisecond, func() { cancel(enough) })
	if _, err := table.Follow(cancelled, under(t, c), table.String); !errors.Is(err, enough) {
		t.Errorf("with a parent that ends: %v", err)
	}
	time.AfterFunc(time.Second, cluster.Member(0).Restart)
	f := follow(t, under(t, c), table.String)
	if e, _ := f.Get(t.Name() + "/k"); e.Value != "1" {
		t.Errorf("the table has %+v", e)
	}
}

func TestTableTellsHowItHasEnded(t *testing.T) {
	cluster := etcdtest.Start(t)
	why := errors.New("enough")
	parent, cancel := context.WithCancelCause(t.Context())
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	start := func(parent context.Context) *table.Table[string] {
		put(t, c.Name(), "k", "1")
		f, err := table.Follow(parent, under(t, c.Name()), table.String)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	closed, cancelled, cut := start(t.Context()), start(parent), start(t.Context())
	if err := errors.Join(closed.Close(), closed.Close()); err != nil {
		t.Error(err)
	}
	if err := closed.Err(); err != nil {
		t.Errorf("after Close: %v", err)
	}
	cancel(why)
	<-cancelled.Done()
	if err := cancelled.Err(); !errors.Is(err, why) {
		t.Errorf("after the end of its parent: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	<-cut.Done()
	if err := cut.Err(); !errors.Is(err, conn.ErrClosed) {
		t.Errorf("after the end of its connection: %v", err)
	}
	for f, want := range map[*table.Table[string]]error{closed: table.ErrClosed, cancelled: why, cut: conn.ErrClosed} {
		if err := f.WaitRev(bounded(t), 1<<40); !errors.Is(err, want) {
			t.Errorf("WaitRev of a table that has ended with %v: %v", f.Err(), err)
		}
		if err := f.Sync(bounded(t)); !errors.Is(err, want) {
			t.Errorf("Sync of a table that has ended with %v: %v", f.Err(), err)
		}
		if e, _ := f.Get(t.Name() + "/k"); e.Value != "1" {
			t.Errorf("a table that has ended shows %+v", e)
		}
		for range f.Changes(t.Context()) {
		}
	}
}
