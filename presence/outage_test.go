// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/presence"
)

const short = 2 * time.Second

// outages are what takes away the only member, and brings it back.
var outages = map[string]struct{ begin, end func(*etcdtest.Cluster) }{
	"the member is killed":   {func(c *etcdtest.Cluster) { c.Member(0).Kill() }, func(c *etcdtest.Cluster) { c.Member(0).Restart() }},
	"the member is stopped":  {func(c *etcdtest.Cluster) { c.Member(0).Pause() }, func(c *etcdtest.Cluster) { c.Member(0).Resume() }},
	"the network is cut":     {func(c *etcdtest.Cluster) { c.Member(0).Cut() }, func(c *etcdtest.Cluster) { c.Member(0).Heal() }},
	"the network is a hole":  {func(c *etcdtest.Cluster) { c.Member(0).Blackhole() }, func(c *etcdtest.Cluster) { c.Member(0).Heal() }},
	"the member is replaced": {func(c *etcdtest.Cluster) { c.Member(0).Kill() }, func(c *etcdtest.Cluster) { c.Replace() }},
	"the store is wiped":     {func(c *etcdtest.Cluster) { c.Member(0).Kill() }, func(c *etcdtest.Cluster) { c.Wipe() }},
}

func TestKeyComesBackAfterAnOutageOfTwiceTheTTL(t *testing.T) {
	t.Parallel()
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t, etcdtest.WithProxy())
			c := mine(t).WithConn(open(t, cluster))
			p := keep(t, c, short)
			key := c.WithSubKey("/key")
			inner := keep(t, key, 0, presence.WithSession(p))
			claims := keep(t, c.WithSubKey("/identity"), short, presence.WithoutReturn())
			outage.begin(cluster)
			gone := until(t, p, "absent", func(s presence.State) bool { return !s.Present })
			setting, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if err := p.Set(setting, "newest"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Set during the outage: %v", err)
			}
			time.Sleep(time.Until(gone.Since.Add(short)))
			outage.end(cluster)
			ended := time.Now()
			back := until(t, p, "back", isPresent)
			t.Logf("%s: back %v after the outage", name, back.Since.Sub(ended).Round(time.Millisecond))
			if !errors.Is(gone.Err, lease.ErrExpired) {
				t.Errorf("the reason of the absence: %v", gone.Err)
			}
			until(t, inner, "back", isPresent)
			holds(t, p, c, "newest")
			holds(t, inner, key, "a")
			<-claims.Done()
			if !errors.Is(claims.Err(), lease.ErrExpired) {
				t.Errorf("a key that does not return: %v", claims.Err())
			}
			for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
				all, err := lease.Leases(t.Context(), lease.New(sealed.Ctx(c).Conn()))
				if err == nil && len(all.GetLeases()) == 1 {
					break
				}
				if time.Since(began) > patience {
					t.Fatalf("two keys of one lease have the leases %v: %v", all.GetLeases(), err)
				}
			}
			leave(t, p)
		})
	}
}

func TestShortOutageLosesNothing(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	c := mine(t).WithConn(open(t, cluster))
	p := keep(t, c, 30*time.Second)
	before := p.State()
	cluster.Member(0).Kill()
	done := make(chan error, 1)
	go func() { done <- p.Set(context.Background(), "b") }()
	time.Sleep(300 * time.Millisecond)
	if now := p.State(); now != before {
		t.Errorf("in a short outage: %+v", now)
	}
	cluster.Member(0).Restart()
	if err := <-done; err != nil {
		t.Error(err)
	}
	holds(t, p, c, "b")
	if now := p.State(); now.Lease != before.Lease || now.Since != before.Since {
		t.Errorf("from %+v to %+v", before, now)
	}
}

func TestKeyComesBackInAStoreThatIsPutBackToACopy(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"made before the key": false, "with the key in it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t)
			c := mine(t).WithConn(open(t, cluster))
			copied := cluster.SaveData()
			p := keep(t, c, time.Minute)
			if first {
				copied = cluster.SaveData()
			}
			if err := p.Set(t.Context(), "newest"); err != nil {
				t.Fatal(err)
			}
			before := p.State()
			cluster.RestoreData(copied)
			backAgain(t, p, before)
			holds(t, p, c, "newest")
			leave(t, p)
			if there := at(t, c); there != nil {
				t.Errorf("after Leave: %v", there)
			}
		})
	}
}

func TestLeaveDuringAnOutageIsForGood(t *testing.T) {
	t.Parallel()
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t, etcdtest.WithProxy())
			c := mine(t).WithConn(open(t, cluster))
			p, key := keep(t, c, short), c.WithSubKey("/key")
			inner := keep(t, key, 0, presence.WithSession(p))
			stays := keep(t, c.WithSubKey("/stays"), 30*time.Second)
			other := stays
			outage.begin(cluster)
			setting, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_ = p.Set(setting, "late") // a put that is under way
			cancel()
			for _, p := range []*presence.Presence{inner, p} {
				leaving, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				if err := p.Leave(leaving); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Leave during an outage: %v", err)
				}
				cancel()
			}
			time.Sleep(short)
			outage.end(cluster)
			leave(t, inner)
			leave(t, p)
			until(t, other, "there", isPresent)
			time.Sleep(500 * time.Millisecond)
			for _, c := range []presence.Request{c, key} {
				if there := at(t, c); there != nil {
					t.Errorf("a key that had left: %v", there)
				}
			}
		})
	}
}

// TestNothingIsLeftWhereverLeaveComes has a presence leave at any moment of its return, by way of a link that makes each step
// take a while.
func TestNothingIsLeftWhereverLeaveComes(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithProxy())
	name, slow := open(t, cluster), time.Duration(20*time.Millisecond)
	direct := open(t, cluster)
	cluster.Member(0).Delay(slow)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			c := mine(t).WithSubKey("/" + strconv.Itoa(i)).WithConn(name)
			parent, cancel := context.WithCancel(context.Background())
			defer cancel()
			if i%2 == 0 { // while it joins
				limit := time.Duration(i) * 8 * time.Millisecond
				p, err := presence.Keep(parent, c.WithTimeout(max(limit, time.Millisecond)), time.Minute)
				if err == nil {
					err = p.Leave(context.Background())
				} else if errors.Is(err, context.DeadlineExceeded) {
					err = nil
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
			p, err := presence.Keep(parent, c.WithTimeout(patience), time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := lease.Revoke(parent, lease.New(name).WithTimeout(patience), p.State().Lease); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Duration(i) * 10 * time.Millisecond)
			within, stop := context.WithTimeout(context.Background(), patience)
			defer stop()
			if err := p.Leave(within); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		leases, err := lease.Leases(t.Context(), lease.New(direct).WithTimeout(patience))
		if err != nil {
			t.Fatal(err)
		}
		keys, err := kv.Get(t.Context(), kv.New(direct).WithKey("").WithPrefix().WithTimeout(patience))
		if err != nil {
			t.Fatal(err)
		}
		if len(leases.GetLeases()) == 0 && keys.GetCount() == 0 {
			return
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%d leases and the keys %v are left", len(leases.GetLeases()), keys.GetKvs())
		}
	}
}

func TestKeepWaitsThroughAnOutage(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	c := mine(t).WithConn(open(t, cluster, conn.WithPatience(0)))
	cluster.Member(0).Kill()
	if _, err := presence.Keep(t.Context(), c.WithTimeout(time.Second), short); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("Keep that runs out of time in an outage: %v", err)
	}
	time.AfterFunc(time.Second, func() { cluster.Member(0).Restart() })
	p := keep(t, c, short)
	holds(t, p, c, "a")
}
