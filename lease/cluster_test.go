// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/maintenance"
)

func TestLeasesSurviveTheDeathOfTheMemberThatRenewsThem(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c, request := open(t, cluster)
	const n = 100
	var keepers []*lease.Keeper
	for range n {
		keepers = append(keepers, keep(t, request, grant(t, request, 5*time.Second)))
	}
	for range 2 {
		endpoint := renewing(t, c, n)
		m := memberOf(t, cluster, endpoint)
		m.Kill()
		time.Sleep(5 * time.Second) // as long as a lease lives without a renewal
		if now := renewing(t, c, n); now == endpoint {
			t.Errorf("Info reports leases at %s, which is down", now)
		}
		m.Restart()
	}
	for _, k := range keepers {
		if ended(t, k) {
			t.Errorf("lease %d ended with %v", k.ID(), k.Err())
		}
		if _, err := lease.TimeToLive(t.Context(), request, k.ID(), false); err != nil {
			t.Errorf("lease %d: %v", k.ID(), err)
		}
	}
}

func TestLeasesSurviveThePauseOfTheMemberThatRenewsThem(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c, request := open(t, cluster)
	for range 2 {
		k := keep(t, request, grant(t, request, 5*time.Second))
		m := memberOf(t, cluster, renewing(t, c, 1))
		m.Pause()
		time.Sleep(6 * time.Second)
		if ended(t, k) {
			t.Errorf("lost while %s was paused: %v", m.Name(), k.Err())
		}
		m.Resume()
		// A leader of etcd 3.4.13 that wakes up revokes what has expired by its own clock, though it leads no more.
		if ended(t, k) && !strings.HasPrefix(m.Version(), "v3.4.") {
			t.Fatal(k.Err())
		}
		_ = k.Close()
	}
}

func TestOutageEndsOnlyTheLeaseWhoseTTLIsShorter(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	_, request := open(t, cluster)
	saved, lost := keep(t, request, grant(t, request, 16*time.Second)), keep(t, request, grant(t, request, 6*time.Second))
	cluster.Member(0).Kill()
	until := lost.ValidUntil()
	time.Sleep(9 * time.Second)
	if err := lost.Err(); !errors.Is(err, lease.ErrExpired) || !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("the lease without time ended with %v", err)
	}
	if !lost.ValidUntil().Equal(until) {
		t.Errorf("it was valid until %v, and says now %v", until, lost.ValidUntil())
	}
	back := time.Now()
	cluster.Member(0).Restart()
	if !renewedAfter(saved, back) {
		t.Errorf("the lease with time was lost: %v", saved.Err())
	}
}

func TestRenewalsLeaveAMemberThatIsCutOffFromTheOthers(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c, request := open(t, cluster)
	k := keep(t, request, grant(t, request, 10*time.Second))
	endpoint := renewing(t, c, 1)
	cluster.Partition(memberOf(t, cluster, endpoint))
	time.Sleep(11 * time.Second)
	if ended(t, k) {
		t.Fatal(k.Err())
	}
	if now := renewing(t, c, 1); now == endpoint {
		t.Errorf("the lease is still renewed by the member that is cut off")
	}
}

func TestManyLeasesAreRenewedByTheLeader(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c, request := open(t, cluster)
	const n = 600
	var keepers []*lease.Keeper
	for range n {
		keepers = append(keepers, keep(t, request, grant(t, request, time.Minute)))
	}
	for range 2 {
		endpoint := renewing(t, c, n)
		leader := cluster.Leader()
		if leader.Endpoint() == endpoint { // to where its leases are to follow
			leader = cluster.Member(0)
			if leader.Endpoint() == endpoint {
				leader = cluster.Member(1)
			}
			request := maintenance.New(c.Name()).WithEndpoint(endpoint)
			if _, err := maintenance.MoveLeader(t.Context(), request, leader.ID()); err != nil {
				t.Fatal(err)
			}
		}
		for began := time.Now(); renewing(t, c, n) != leader.Endpoint(); time.Sleep(10 * time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("after 20 s the leases are still renewed on %s, and not on that of the leader", endpoint)
			}
		}
	}
	for _, k := range keepers {
		if ended(t, k) {
			t.Fatal(k.Err())
		}
	}
}

func TestKeeperLearnsOfARevocationWithinOneRenewal(t *testing.T) {
	for _, ttl := range []time.Duration{2 * time.Second, 6 * time.Second} {
		t.Run(ttl.String(), func(t *testing.T) {
			t.Parallel()
			request := lease.New(registry)
			k := keep(t, request, grant(t, request, ttl))
			time.Sleep(ttl / 2)
			if _, err := lease.Revoke(t.Context(), request, k.ID()); err != nil {
				t.Fatal(err)
			}
			within(t, k, ttl*112/300+200*time.Millisecond)
			if err := k.Err(); !errors.Is(err, etcderr.ErrLeaseNotFound) {
				t.Errorf("it ended with %v", err)
			}
			if time.Now().Before(k.ValidUntil()) {
				t.Errorf("a revoked lease is valid until %v", k.ValidUntil())
			}
		})
	}
}

func TestKeysAreDeletedOnceTheirLeaseIsNoLongerKept(t *testing.T) {
	t.Parallel()
	request := lease.New(registry)
	key := kv.New(registry).WithKey(t.Name())
	k := keep(t, request, grant(t, request, 2*time.Second))
	if _, err := kv.Put(t.Context(), key.WithLease(k.ID())); err != nil {
		t.Fatal(err)
	}
	there := func() bool {
		t.Helper()
		r, err := kv.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Kvs) > 0
	}
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
		if !there() {
			t.Fatalf("the key went after %v, while its lease was kept", time.Since(began))
		}
	}
	until := k.ValidUntil()
	_ = k.Close()
	for there() {
		if time.Since(until) > 5*time.Second {
			t.Fatal("the key is still there 5 s after its lease was to expire")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if time.Now().Before(until) {
		t.Errorf("the key went %v before the lease was to expire", time.Until(until))
	}
	if err := k.Err(); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func TestKeepersEndNoLaterThanTTLAfterTheirLastRenewalWhenAllMembersArePaused(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	_, request := open(t, cluster)
	var keepers []*lease.Keeper
	for _, ttl := range []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second} {
		for range 10 {
			keepers = append(keepers, keep(t, request, grant(t, request, ttl)))
		}
	}
	time.Sleep(2 * time.Second)
	for _, m := range cluster.Members() {
		m.Pause()
		defer m.Resume()
	}
	time.Sleep(100 * time.Millisecond) // for what is on its way
	var asking sync.WaitGroup
	for _, k := range keepers {
		until := k.ValidUntil()
		if left := time.Until(until); left > k.TTL() {
			t.Errorf("a lease of %v is valid for %v", k.TTL(), left)
		}
		asking.Go(func() {
			<-k.Done()
			late := time.Since(until)
			if err := k.Err(); !errors.Is(err, lease.ErrExpired) {
				t.Errorf("it ended with %v", err)
			}
			if !k.ValidUntil().Equal(until) {
				t.Errorf("it was valid until %v, and is now until %v", until, k.ValidUntil())
			}
			if late < 0 || late > 5*time.Second { // a busy machine may be late; fakes show that the keeper is not
				t.Errorf("a lease of %v ended %v after it was valid", k.TTL(), late)
			}
		})
	}
	asking.Wait()
}

func TestKeeperEndsWithItsConnectionToARealCluster(t *testing.T) {
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	request := lease.New(c.Name())
	k := keep(t, request, grant(t, request, time.Minute))
	began := time.Now()
	if err := c.Close(); err != nil || time.Since(began) > time.Second {
		t.Errorf("Close took %v, and returned %v", time.Since(began), err)
	}
	if !ended(t, k) || !errors.Is(k.Err(), conn.ErrClosed) {
		t.Errorf("after Close of the connection: %v", k.Err())
	}
}
