// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"strings"
	"testing"
	"time"
)

func TestCutMemberIsUnreachableUntilHealed(t *testing.T) {
	c := Start(t, WithProxy(), WithTLS())
	m := c.Member(0)
	g := clientOf(c, m)
	mustPut(t, g, "k", "v")
	m.Cut()
	begin := time.Now()
	if err := g.put(5*time.Second, "k", "w"); err == nil || time.Since(begin) > 2*time.Second {
		t.Errorf("put at a cut member: %v after %v", err, time.Since(begin))
	}
	m.Heal()
	mustGet(t, g, "k", "v")
}

func TestDelayedMemberAnswersLaterByTheDelayEachWay(t *testing.T) {
	const delay = 200 * time.Millisecond
	c := Start(t, WithProxy())
	m := c.Member(0)
	g := clientOf(c, m)
	mustPut(t, g, "k", "v")
	timed := func() time.Duration {
		begin := time.Now()
		if err := g.put(5*time.Second, "k", "v"); err != nil {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
	m.Delay(delay)
	if took := timed(); took < 2*delay || took > 10*delay {
		t.Errorf("a put took %v with a delay of %v each way", took, delay)
	}
	m.Heal()
	if took := timed(); took >= 2*delay {
		t.Errorf("a put took %v after Heal", took)
	}
}

func TestBlackholeHoldsWhatHealDelivers(t *testing.T) {
	c := Start(t, WithProxy())
	m := c.Member(0)
	g := clientOf(c, m)
	mustPut(t, g, "k", "v")
	m.Blackhole()
	if err := g.put(300*time.Millisecond, "given up", "v"); err == nil {
		t.Error("a put came through a black hole")
	}
	held := make(chan error, 1)
	go func() { held <- g.put(10*time.Second, "k", "x") }()
	select {
	case err := <-held:
		t.Errorf("put in a black hole: %v; want silence", err)
	case <-time.After(300 * time.Millisecond):
	}
	m.Heal()
	if err := <-held; err != nil {
		t.Errorf("put after Heal: %v", err)
	}
	mustGet(t, g, "k", "x")
}

func TestMemberBehindProxiesComesBackAfterKill(t *testing.T) {
	t.Parallel()
	c := Start(t, WithSize(3), WithProxy())
	m := follower(t, c)
	mustPut(t, clientOf(c, m), "k", "v")
	m.Kill()
	if err := clientOf(c, m).put(time.Second, "k", "w"); err == nil {
		t.Error("a killed member took a put")
	}
	m.Restart()
	mustGet(t, clientOf(c, m), "k", "v")
}

func TestPartitionedLeaderIsReplacedAndCatchesUpAfterwards(t *testing.T) {
	t.Parallel()
	c := Start(t, WithSize(3), WithProxy())
	old := mustLeader(t, c)
	mustPut(t, clientOf(c, old), "k", "v")
	c.Partition(old)
	next := mustLeader(t, c)
	if next == old {
		t.Fatal("a partitioned member is still called the leader")
	}
	mustPut(t, clientOf(c, next), "k", "w")
	if err := clientOf(c, old).put(time.Second, "given up", "x"); err == nil {
		t.Error("a partitioned member took a put")
	}
	if value, err := clientOf(c, old).get(time.Second, "k"); err == nil {
		t.Errorf("a partitioned member answered a linearizable read with %q", value)
	}
	c.HealPartition()
	mustGet(t, clientOf(c, old), "k", "w")
}

// A follower forwards lease renewals to the leader's peer URL in a request that, unlike raft's, does not name its
// sender.
func TestPartitionedFollowerDoesNotReachTheLeaderForLeases(t *testing.T) {
	t.Parallel()
	c := Start(t, WithSize(3), WithProxy())
	m := follower(t, c)
	g := clientOf(c, m)
	var granted struct {
		ID string `json:"ID"`
	}
	grant := map[string]any{"TTL": 60}
	if err := g.call(5*time.Second, "/v3/lease/grant", grant, &granted); err != nil {
		t.Fatal(err)
	}
	toLive := func() error {
		return g.call(time.Second, "/v3/lease/timetolive", map[string]any{"ID": granted.ID}, &struct{}{})
	}
	eventually(t, 5*time.Second, "time to live", toLive)
	c.Partition(m)
	// This comes at once, because the follower trusts its leader for an election timeout.
	if err := toLive(); err == nil {
		t.Error("the leader answered a partitioned follower")
	}
	c.HealPartition()
	eventually(t, 15*time.Second, "time to live after the partition", toLive)
}

func TestPartitionLastsOverRestartAndOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	c := Start(t, WithSize(3), WithProxy())
	m := follower(t, c)
	c.Partition(m)
	m.Restart()
	// It listens before it is ready, and may serve the put once it is, although nobody waits for it any more.
	if err := clientOf(c, m).put(time.Second, "given up", "v"); err == nil {
		t.Error("a partitioned member took a put after its restart")
	}
	leader := mustLeader(t, c)
	mustPut(t, clientOf(c, leader), "k", "w")
	other := c.Members()[3-m.index-leader.index]
	mustGet(t, clientOf(c, other), "k", "w")
	c.HealPartition()
	mustGet(t, clientOf(c, m), "k", "w")
	m.Restart()
	mustPut(t, clientOf(c, m), "k", "x")
}

func TestBytesToAndFromClientsAreCounted(t *testing.T) {
	const size = 200_000
	c := Start(t, WithProxy())
	m := c.Member(0)
	g := clientOf(c, m)
	before := [2]int64{m.Received(), m.Sent()}
	mustPut(t, g, "k", strings.Repeat("v", size))
	received := m.Received() - before[0]
	if received < size || received > 2*size {
		t.Errorf("a put of %d bytes counts as %d received", size, received)
	}
	if sent := m.Sent() - before[1]; sent == 0 || sent > size/10 {
		t.Errorf("the answer to a put counts as %d sent", sent)
	}
	before = [2]int64{m.Received(), m.Sent()}
	if _, err := g.get(5*time.Second, "k"); err != nil {
		t.Fatal(err)
	}
	if sent := m.Sent() - before[1]; sent < size || sent > 2*size {
		t.Errorf("a value of %d bytes counts as %d sent", size, sent)
	}
	if received := m.Received() - before[0]; received > size/10 {
		t.Errorf("a get counts as %d received", received)
	}
}
