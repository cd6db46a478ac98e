// SPDX-License-Identifier: Apache-2.0

// Package kine tests the SDK with kine. What kine lacks must soon be a clear error.
package kine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/typed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a connection to a server, and closes it with the test.
func open(t *testing.T, k *etcdtest.Kine, opts ...conn.Option) kv.Request {
	t.Helper()
	c := onecluster.Open(t, "", []string{k.Endpoint()}, opts...)
	for _, e := range c.Info() {
		if e.State != conn.Active {
			t.Fatalf("after Open the endpoint is %v: %v", e.State, e.Err)
		}
	}
	return kv.New(c.Name())
}

// commit runs a guarded transaction, whose success must be as wanted, and returns its revision.
func commit(t *testing.T, r kv.Request, txn op.Transaction, want bool) int64 {
	t.Helper()
	done, err := kv.Txn(t.Context(), r, txn)
	if err != nil {
		t.Fatal(err)
	}
	if done.GetSucceeded() != want {
		t.Fatalf("succeeded: %t, want %t: %v", done.GetSucceeded(), want, done)
	}
	return done.GetHeader().GetRevision()
}

func at(key string, rev int64) compare.Compare {
	return compare.New(key).ModRevision(compare.Equal, rev)
}

// Kine accepts transactions of exactly these forms.
func create(key, value string) op.Transaction {
	return op.If(at(key, 0)).Then(op.Put(kv.Key(key).WithValue(value)))
}

func update(key, value string, rev int64) op.Transaction {
	return op.If(at(key, rev)).Then(op.Put(kv.Key(key).WithValue(value))).Else(op.Get(kv.Key(key)))
}

func remove(key string, rev int64) op.Transaction {
	return op.If(at(key, rev)).Then(op.Delete(kv.Key(key))).Else(op.Get(kv.Key(key)))
}

func TestKeysAreWrittenAndRead(t *testing.T) {
	r := open(t, etcdtest.StartKine(t))
	for i := range 5 {
		if _, err := kv.Put(t.Context(), r.WithKey(fmt.Sprintf("/a/%d", i)).WithValue("v")); err != nil {
			t.Fatal(err)
		}
	}
	previous, err := kv.Put(t.Context(), r.WithKey("/a/0").WithValue("w").WithPrevKV())
	if err != nil || string(previous.GetPrevKv().GetValue()) != "v" {
		t.Errorf("put with the previous pair: %v, %v", previous, err)
	}
	one, err := kv.Get(t.Context(), r.WithKey("/a/0"))
	if err != nil || one.GetCount() != 1 || string(one.GetKvs()[0].GetValue()) != "w" {
		t.Errorf("get of one key: %v, %v", one, err)
	}
	none, err := kv.Get(t.Context(), r.WithKey("/none"))
	if err != nil || none.GetCount() != 0 {
		t.Errorf("get of no key: %v, %v", none, err)
	}
	all, err := kv.Get(t.Context(), r.WithKey("/a/").WithPrefix())
	if err != nil || all.GetCount() != 5 || len(all.GetKvs()) != 5 || string(all.GetKvs()[4].GetKey()) != "/a/4" {
		t.Errorf("get of a prefix: %v, %v", all, err)
	}
	count, err := kv.Get(t.Context(), r.WithKey("/a/").WithPrefix().WithCountOnly())
	if err != nil || count.GetCount() != 5 || len(count.GetKvs()) != 0 {
		t.Errorf("count of a prefix: %v, %v", count, err)
	}
	two, err := kv.Get(t.Context(), r.WithKey("/a/").WithPrefix().WithLimit(2))
	if err != nil || len(two.GetKvs()) != 2 || !two.GetMore() || two.GetCount() != 5 {
		t.Errorf("get of two of a prefix: %v, %v", two, err)
	}
	past, err := kv.Get(t.Context(), r.WithKey("/a/").WithPrefix().WithRev(one.GetHeader().GetRevision()-1))
	if err != nil || len(past.GetKvs()) != 5 || string(past.GetKvs()[0].GetValue()) != "v" {
		t.Errorf("get of the past: %v, %v", past, err)
	}
}

func TestGuardedTransactionsCreateUpdateAndDelete(t *testing.T) {
	r := open(t, etcdtest.StartKine(t))
	first := commit(t, r, create("/k", "a"), true)
	commit(t, r, create("/k", "b"), false)
	second := commit(t, r, update("/k", "b", first), true)
	commit(t, r, update("/k", "c", first), false)
	commit(t, r, remove("/k", first), false)
	commit(t, r, remove("/k", second), true)
	gone, err := kv.Get(t.Context(), r.WithKey("/k"))
	if err != nil || gone.GetCount() != 0 {
		t.Errorf("after the deletion: %v, %v", gone, err)
	}
}

func TestTypedStoreCreatesUpdatesAndLists(t *testing.T) {
	s := typed.Of(open(t, etcdtest.StartKine(t)).WithKey("/numbers/"), typed.JSON[int]())
	if _, err := s.Create(t.Context(), "a", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "a", 2); !errors.Is(err, typed.ErrExists) {
		t.Errorf("second creation: %v", err)
	}
	for _, key := range []string{"a", "b"} {
		rounds := 0
		entry, err := s.Update(t.Context(), key, func(old int, there bool) (int, error) {
			if rounds++; rounds == 1 { // another client is faster
				if _, err := s.Put(t.Context(), key, 10); err != nil {
					t.Error(err)
				}
			}
			return old + 1, nil
		})
		if err != nil || entry.Value != 11 || rounds != 2 {
			t.Errorf("update of %s: %+v, %v in %d rounds", key, entry, err, rounds)
		}
		if got, err := s.Get(t.Context(), key); got.Value != 11 || got.ModRev != entry.ModRev || err != nil {
			t.Errorf("%s is %+v, %v, want %+v", key, got, err, entry)
		}
	}
	n := 0
	for entry, err := range s.All(t.Context()) {
		if n++; err != nil || entry.Value != 11 {
			t.Errorf("%+v, %v", entry, err)
		}
	}
	if _, err := s.Get(t.Context(), "c"); !errors.Is(err, typed.ErrMissing) || n != 2 {
		t.Errorf("%d entries; a missing key: %v", n, err)
	}
}

func TestCallsWaitWhileTheServerRestarts(t *testing.T) {
	k := etcdtest.StartKine(t)
	r := open(t, k, conn.WithPatience(time.Minute))
	rev := commit(t, r, create("/k", "0"), true)
	k.Kill()
	read := make(chan error, 1)
	go func() {
		_, err := kv.Get(t.Context(), r.WithKey("/k").WithTimeout(time.Minute))
		read <- err
	}()
	k.Restart()
	if err := <-read; err != nil {
		t.Errorf("a read that began while the server was away: %v", err)
	}
	commit(t, r, update("/k", "1", rev), true)
}

// lacks matches kine's texts for an unsupported request.
var lacks = regexp.MustCompile("not supported|not implemented|unsupported|unknown service")

// mustRefuse fails unless a call fails by itself, long before its context ends, and the error names what kine does not
// support.
func mustRefuse(t *testing.T, what string, call func(parent context.Context) error) {
	t.Helper()
	parent, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	start := time.Now()
	err := call(parent)
	took := time.Since(start).Round(time.Millisecond)
	t.Logf("%s: after %v: %v", what, took, err)
	switch {
	case err == nil:
		t.Errorf("%s: no error", what)
	case errors.Is(err, kv.ErrInvalid):
		t.Errorf("%s: never sent: %v", what, err)
	case errors.Is(err, context.DeadlineExceeded), parent.Err() != nil:
		t.Errorf("%s: ended by its deadline after %v, want an answer: %v", what, took, err)
	case !lacks.MatchString(err.Error()):
		t.Errorf("%s: %v; want the server's words about what it lacks", what, err)
	}
}

// keys returns the names of the keys of a test, without kine's own key.
func keys(t *testing.T, r kv.Request) []string {
	t.Helper()
	all, err := kv.Get(t.Context(), r.WithKey("/t/").WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, pair := range all.GetKvs() {
		names = append(names, string(pair.GetKey()))
	}
	slices.Sort(names)
	return names
}
