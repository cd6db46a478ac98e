// SPDX-License-Identifier: Apache-2.0

package debug_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/watch"
)

// Nothing may show what these mark.
const (
	markedKey      = "marked-key"
	markedValue    = "marked-value"
	markedPassword = "marked-password"
)

// busy has a connection do something of each kind. It returns what ends all of it.
func busy(t *testing.T, c *conn.Conn) (end func()) {
	t.Helper()
	name, life := c.Name(), t.Context()
	life, stop := context.WithCancel(life)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := kv.Put(life, kv.New(name).WithKey(name+"/"+markedKey).WithValue(markedValue))
	must(err)
	_, err = watch.Watch(life, watch.New(name).WithKey(name+"/").WithPrefix())
	must(err)
	_, err = watch.Watch(life, watch.New(name).WithKey(name+"/"+markedKey))
	must(err)
	_, err = watch.Watch(life, watch.New(name).WithKey(name+"/"+markedKey).WithRangeEnd(name+"0"))
	must(err)
	granted, err := lease.Grant(life, lease.New(name), time.Minute)
	must(err)
	_, err = lease.KeepAlive(life, lease.New(name), granted.GetID())
	must(err)
	_, err = table.Follow(life, table.New(name).WithKey(name+"/").WithPrefix(), table.JSON[int])
	must(err)
	p, err := presence.Keep(life, presence.New(name).WithKey(name+"-here").WithValue(markedValue), time.Minute)
	must(err)
	var calls sync.WaitGroup
	holds := make(chan struct{})
	calls.Go(func() {
		_ = lock.Do(life, lock.New(name).WithName(name+"-lock"), time.Minute, func(held context.Context, _ lock.Held) error {
			close(holds)
			<-held.Done()
			return nil
		})
	})
	<-holds
	calls.Go(func() {
		_ = lock.Shared(life, lock.New(name).WithName(name+"-lock"), time.Minute, func(context.Context, lock.Held) error { return nil })
	})
	calls.Go(func() {
		_ = election.Run(life, election.New(name).WithName(name+"-lead").WithValue(markedValue), time.Minute,
			func(leading context.Context, _ *election.Leadership) error {
				<-leading.Done()
				return nil
			})
	})
	end = sync.OnceFunc(func() {
		stop()
		calls.Wait()
		<-p.Done()
	})
	t.Cleanup(end)
	return end
}

func TestEverythingOnAConnectionIsShownUntilItEnds(t *testing.T) {
	c := onecluster.Open(t, "", cluster.Endpoints())
	began := time.Now()
	end := busy(t, c)
	inside, err := c.Namespace(c.Name()+"-ns", "tenants/7/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Watch(t.Context(), watch.New(inside.Name()).WithKey("x/").WithPrefix()); err != nil {
		t.Fatal(err)
	}
	name := c.Name()
	var now connection
	onecluster.Eventually(t, patience, "all that the connection has", func() error {
		now = shown(t, name)
		return now.wants(name)
	})
	for _, w := range now.Watches {
		if w.ID == 0 || w.Endpoint != cluster.Endpoints()[0] || !recent(began, w.Since) || w.Buffer != watch.DefaultBuffer {
			t.Errorf("watch %+v", w)
		}
	}
	for _, l := range now.Leases {
		if l.Margin <= 0 || l.Margin > l.TTL || !recent(began, l.Renewed) || !l.ValidUntil.After(l.Renewed) || l.Endpoint == "" {
			t.Errorf("lease %+v", l)
		}
	}
	for _, c := range now.Claims {
		if !recent(began, c.Since) || c.Lease == "" || c.Revision == 0 {
			t.Errorf("claim %+v", c)
		}
	}
	if b := now.Budget; b == nil || b.Full != 1024 || b.Left < 1 || b.Left > b.Full {
		t.Errorf("budget %+v", b)
	}
	within := shown(t, inside.Name())
	if within.NamespaceOf != name || within.Prefix != "tenants/7/" || len(within.Watches) != 1 || within.Endpoints != nil || within.Budget != nil {
		t.Errorf("the namespace is %+v", within)
	}
	e := now.Endpoints[0]
	if e.State != "Active" || !e.Leader || e.Learner || e.Version == "" || !recent(began.Add(-time.Minute), e.Since) || e.Reason != "" {
		t.Errorf("endpoint %+v", e)
	}
	if want := len(now.Watches) + 1; e.Watches != want || e.Leases != len(now.Leases) {
		t.Errorf("the endpoint has %d watches and %d leases, want %d and %d", e.Watches, e.Leases, want, len(now.Leases))
	}

	page := html.UnescapeString(ask(http.MethodGet, "/").Body.String())
	for _, text := range []string{
		name + "/…", "a range of keys", "one key", name + "-lock", name + "-lead", name + "-here", "shared lock", "etcd " + e.Version,
		"1 value does not decode", "namespace of " + name, "all keys begin with tenants/7/",
	} {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q:\n%s", text, page)
		}
	}

	end()
	onecluster.Eventually(t, patience, "nothing on the connection", func() error {
		now := shown(t, name)
		if n := len(now.Watches) + len(now.Leases) + len(now.Claims) + len(now.Tables) + len(now.Presences); n != 0 {
			return fmt.Errorf("there is still %+v", now)
		}
		return nil
	})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, name); got.Name != "" {
		t.Errorf("a connection that is closed is %+v", got)
	}
}

// wants returns what is missing of what busy does.
func (c connection) wants(name string) error {
	var errs []error
	want := func(has bool, what string) {
		if !has {
			errs = append(errs, errors.New(what))
		}
	}
	kinds := map[keys]int{}
	for _, w := range c.Watches {
		kinds[w.Keys]++
		want(w.InStep && w.Reason == "", "a watch in step")
	}
	want(kinds[keys{"prefix", name + "/"}] == 2, "the watches of a prefix: the user's, and that of the table")
	want(kinds[keys{"key", ""}] > 1 && kinds[keys{"range", ""}] == 1, "watches of a key and of a range")
	want(len(c.Leases) == 5, "5 leases")
	states := map[string]*claim{}
	for _, c := range c.Claims {
		states[c.Kind+" "+c.Name+" "+c.State] = c
	}
	want(len(c.Claims) == 3, "3 claims")
	held, waits := states["lock "+name+"-lock held"], states["shared lock "+name+"-lock waiting"]
	want(states["election "+name+"-lead held"] != nil, "the leadership")
	want(held != nil && waits != nil && waits.WaitsFor.Keys == 1 && waits.WaitsFor.Revision == held.Revision &&
		waits.WaitsFor.Key == name+"-lock/"+held.Lease, "a lock that waits for the one that is held")
	want(len(c.Tables) == 1 && c.Tables[0].InStep && c.Tables[0].Keys == keys{"prefix", name + "/"} &&
		c.Tables[0].Entries == 1 && c.Tables[0].Undecoded == 1, "the table")
	want(len(c.Presences) == 1 && c.Presences[0].State == "present" && c.Presences[0].Key == name+"-here" &&
		c.Presences[0].Lease != "" && c.Presences[0].Revision > 0, "the presence")
	want(len(c.Endpoints) == 1, "an endpoint")
	if len(errs) > 0 {
		return fmt.Errorf("%w in %+v", errors.Join(errs...), c)
	}
	return nil
}

func recent(began, at time.Time) bool {
	return !at.Before(began.Add(-time.Second)) && !at.After(time.Now().Add(time.Second))
}

func TestWhatIsHeldUnderALeaseOfTheUsersIsShownWhileTheLeaseIsKept(t *testing.T) {
	c := onecluster.Open(t, "", cluster.Endpoints())
	name, ctx := c.Name(), t.Context()
	granted, err := lease.Grant(ctx, lease.New(name), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := lease.KeepAlive(ctx, lease.New(name), granted.GetID())
	if err != nil {
		t.Fatal(err)
	}
	under := func(what string) lock.Request { return lock.New(name).WithName(name + what).WithLease(granted.GetID()) }
	want := func(held ...string) {
		t.Helper()
		var got []string
		for _, one := range shown(t, name).Claims {
			if one.State != "held" || one.Lease == "" || one.Revision == 0 || one.WaitsFor.Keys != 0 {
				t.Errorf("the claim %+v", one)
			}
			got = append(got, one.Kind+strings.TrimPrefix(one.Name, name))
		}
		if !slices.Equal(got, held) {
			t.Errorf("held are %q, want %q", got, held)
		}
	}
	locked, err := lock.Lock(ctx, under("-a"))
	if err != nil {
		t.Fatal(err)
	}
	acquired, err := lock.Acquire(ctx, under("-b"))
	if err != nil {
		t.Fatal(err)
	}
	led, err := election.Campaign(ctx, under("-c").WithValue("v"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Lock(ctx, under("-d")); err != nil {
		t.Fatal(err)
	}
	want("lock-a", "lock-b", "election-c", "lock-d")
	if _, err := lock.Unlock(ctx, lock.New(name).WithKeyBytes(locked.GetKey())); err != nil {
		t.Fatal(err)
	}
	want("lock-b", "election-c", "lock-d")
	if err := acquired.Release(ctx); err != nil {
		t.Fatal(err)
	}
	want("election-c", "lock-d")
	if _, err := election.Resign(ctx, election.New(name).WithLeader(led.GetLeader())); err != nil {
		t.Fatal(err)
	}
	want("lock-d")
	if err := keeper.Close(); err != nil {
		t.Fatal(err)
	}
	want()
}
