// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/watch"
)

// changeable lets members be added and removed at once. Otherwise they must have been connected for 5 s.
var changeable = etcdtest.WithFlags("--strict-reconfig-check=false")

func addresses(c *conn.Conn) []string {
	var all []string
	for _, e := range c.Info() {
		all = append(all, e.Address)
	}
	return all
}

func TestSyncFindsTheVotingMembersThatHaveStarted(t *testing.T) {
	started := etcdtest.Start(t, etcdtest.WithSize(3), changeable)
	for name, mode := range map[string]conn.Mode{"ConnectAll": conn.ConnectAll, "Random": conn.Random} {
		t.Run(name, func(t *testing.T) {
			first := started.Member(0).Endpoint()
			c := open(t, "", []string{first}, conn.WithMode(mode))
			if err := c.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			// The endpoint that was given to Open keeps its spelling.
			want := []string{first, "http://" + started.Member(1).Endpoint(), "http://" + started.Member(2).Endpoint()}
			slices.Sort(want)
			if got := addresses(c); !slices.Equal(got, want) {
				t.Errorf("endpoints %q, want %q", got, want)
			}
			if mode == conn.ConnectAll {
				for _, e := range c.Info() {
					if e.State != conn.Active {
						t.Errorf("%+v", e)
					}
				}
				pinned := kv.New(c.Name()).WithKey("k").WithEndpoint("http://" + started.Member(1).Endpoint())
				if _, err := kv.Get(t.Context(), pinned); err != nil {
					t.Errorf("a read on a new endpoint: %v", err)
				}
			}
			if err := c.Sync(t.Context()); err != nil || !slices.Equal(addresses(c), want) {
				t.Errorf("again: %v, %q", err, addresses(c))
			}
		})
	}
	learner := started.NewMember()
	c := open(t, "", []string{started.Member(0).Endpoint()})
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) { // members that have just met refuse changes
		_, err := cluster.MemberAddAsLearner(t.Context(), cluster.New(c.Name()), learner.PeerURL())
		if err == nil {
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal(err)
		}
	}
	for _, when := range []string{"before it has started", "once it has started"} {
		if err := c.Sync(t.Context()); err != nil || len(c.Info()) != 3 {
			t.Errorf("with a learner, %s: %v, %q", when, err, addresses(c))
		}
		if when == "before it has started" {
			learner.Join()
		}
	}
}

func TestRetiredEndpointFinishesItsCallsAndItsStreamsGoOnElsewhere(t *testing.T) {
	started := etcdtest.Start(t)
	_, port, _ := strings.Cut(started.Member(0).Endpoint(), ":")
	alias := "localhost:" + port
	var mu sync.Mutex
	var heard []conn.Endpoint
	c := open(t, "", []string{alias}, conn.WithStateListener(func(e conn.Endpoint) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, e)
	}))
	request := lock.New(c.Name())
	ids := [2]int64{}
	for i := range ids {
		r, err := lease.Grant(t.Context(), request, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = r.GetID()
	}
	held, err := lock.Lock(t.Context(), request.WithName("l").WithLease(ids[0]))
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := lock.Lock(t.Context(), request.WithName("l").WithLease(ids[1]))
		waiting <- err
	}()
	waiters := kv.New(c.Name()).WithKey("l/").WithPrefix()
	for {
		r, err := kv.Get(t.Context(), waiters.WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		if r.GetCount() == 2 {
			break
		}
	}
	w, err := watch.Watch(t.Context(), waiters)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	keeper, err := lease.KeepAlive(t.Context(), request, ids[0])
	if err != nil {
		t.Fatal(err)
	}

	if err := c.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := addresses(c), []string{"http://" + started.Member(0).Endpoint()}; !slices.Equal(got, want) {
		t.Fatalf("endpoints %q, want %q", got, want)
	}
	if _, err := kv.Get(t.Context(), waiters.WithEndpoint(alias)); !errors.Is(err, conn.ErrEndpoint) {
		t.Errorf("a read on a retired endpoint: %v", err)
	}
	if _, err := lock.Unlock(t.Context(), request.WithKey(string(held.GetKey()))); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("a call under way on the retired endpoint: %v", err)
	}
	for e, err := range w.Events() {
		if err != nil || string(e.GetKv().GetKey()) != string(held.GetKey()) {
			t.Errorf("the watch: %v, %v", e, err)
		}
		break
	}
	for began := time.Now(); c.Info()[0].Leases != 1; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the lease is kept on no endpoint: %v", c.Info())
		}
	}
	if err := keeper.Err(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	last := map[string]conn.Endpoint{}
	for _, e := range heard {
		last[e.Address] = e
	}
	if e := last[alias]; e.State != conn.Frozen || e.Err == nil || !strings.Contains(e.Err.Error(), "retired") {
		t.Errorf("the listener heard last of the retired endpoint: %+v", e)
	}
	if len(heard) != 3 {
		t.Errorf("the listener heard %+v", heard)
	}
}

func TestSyncWithAUselessMemberListChangesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		advertised string
		skipped    int
	}{
		"nobody answers":            {"http://127.0.0.1:1", 0},
		"the scheme does not match": {"https://127.0.0.1:1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			started := etcdtest.Start(t, etcdtest.WithFlags("--advertise-client-urls="+tt.advertised))
			var log lockedBuffer
			c := open(t, "", started.Endpoints(), conn.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			for range 2 {
				if err := c.Sync(t.Context()); !errors.Is(err, conn.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
			}
			if n := strings.Count(log.String(), `level=WARN msg="etcd member's client URL skipped"`); n != tt.skipped {
				t.Errorf("%d warnings of a URL that was skipped, want %d:\n%s", n, tt.skipped, log.String())
			}
			if got := addresses(c); !slices.Equal(got, started.Endpoints()) {
				t.Errorf("endpoints %q", got)
			}
			if _, err := get(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSyncReturnsItsErrors(t *testing.T) {
	started := etcdtest.Start(t)
	for _, interval := range []time.Duration{-1, 0, 999 * time.Millisecond} {
		if _, err := conn.Open(t.Context(), "", started.Endpoints(), conn.WithAutoSync(interval)); !errors.Is(err, conn.ErrOption) {
			t.Errorf("WithAutoSync(%v): %v", interval, err)
		}
	}
	c := open(t, "", started.Endpoints(), conn.WithAutoSync(time.Second))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Sync(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	var none context.Context
	if err := c.Sync(none); err == nil {
		t.Error("no error without a context")
	}
	_ = c.Close()
	if err := c.Sync(t.Context()); !errors.Is(err, conn.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	lazy := open(t, "", []string{"127.0.0.1:1"}, conn.WithLazy(), conn.WithAutoSync(time.Second), conn.WithPatience(100*time.Millisecond))
	if err := lazy.Sync(t.Context()); !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("no member: %v", err)
	}
}

// The test replaces every member of a cluster while a connection is in use.
func TestReplacingEveryMemberFailsNoRead(t *testing.T) {
	started := etcdtest.Start(t, etcdtest.WithSize(3), changeable)
	original := started.Members()
	c := open(t, "", started.Endpoints(), conn.WithAutoSync(time.Second))
	admin := cluster.New(c.Name()).WithTimeout(20 * time.Second)
	key := kv.New(c.Name()).WithKey("k")
	w, err := watch.Watch(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if strings.HasPrefix(original[0].Version(), "v3.4.") {
		key = key.WithTimeout(20 * time.Second) // a leader that is removed leaves these without one for a while
	}

	over := make(chan struct{})
	var load sync.WaitGroup
	var reads, writes atomic.Int64
	for range 16 {
		load.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(2 * time.Millisecond):
				}
				if _, err := kv.Get(t.Context(), key); err != nil {
					t.Errorf("a read: %v", err)
					return
				}
				reads.Add(1)
			}
		})
	}
	load.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if _, err := kv.Put(t.Context(), key.WithValue(fmt.Sprint(writes.Load()))); err == nil {
				writes.Add(1)
			}
		}
	})
	change := func(what string, f func(ctx.Ctx) error) {
		t.Helper()
		for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
			err := f(admin)
			if err == nil {
				return
			}
			if time.Since(began) > 30*time.Second {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	await := func(n int) {
		t.Helper()
		for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			active := 0
			for _, e := range c.Info() {
				if e.State == conn.Active {
					active++
				}
			}
			if active == n && len(c.Info()) == n {
				return
			}
			if time.Since(began) > 30*time.Second {
				t.Fatalf("want %d endpoints, got %v", n, c.Info())
			}
		}
	}
	for n := 4; n <= 5; n++ {
		m := started.NewMember()
		change("add", func(c ctx.Ctx) error { _, err := cluster.MemberAdd(t.Context(), c, m.PeerURL()); return err })
		m.Join()
		await(n)
	}
	for i, m := range original {
		id := m.ID()
		change("remove", func(c ctx.Ctx) error {
			_, err := cluster.MemberRemove(t.Context(), c, id)
			if list, listed := cluster.MemberList(t.Context(), c); listed == nil && len(list.GetMembers()) == 4-i {
				return nil // also where the answer was lost
			}
			return errors.Join(err, errors.New("it is still there"))
		})
		await(4 - i)
	}
	close(over)
	load.Wait()
	if _, err := kv.Put(t.Context(), key.WithValue("last")); err != nil {
		t.Fatal(err)
	}
	for e, err := range w.Events() {
		if err != nil {
			t.Fatalf("the watch: %v", err)
		}
		if string(e.GetKv().GetValue()) == "last" {
			break
		}
	}
	t.Logf("%d reads, none failed, and %d writes", reads.Load(), writes.Load())
	for _, m := range original {
		if slices.ContainsFunc(addresses(c), func(a string) bool { return strings.HasSuffix(a, m.Endpoint()) }) {
			t.Errorf("%s is still an endpoint", m.Endpoint())
		}
	}
}

func TestSkippedURLOfAMemberIsLoggedShortAndWithoutSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.list(map[string][]string{"a": {"http://user:s3cret@a:1", strings.Repeat("x", 1<<20), "http://a:1"}})
		var log lockedBuffer
		c := openFake(t, []*member{a}, conn.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		if err := c.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		text := log.String()
		if n := strings.Count(text, "URL skipped"); n != 2 || strings.Contains(text, "s3cret") || len(text) > 4096 {
			t.Errorf("%d warnings in %d bytes: %.2000s", n, len(text), text)
		}
	})
}
