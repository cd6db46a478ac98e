// SPDX-License-Identifier: Apache-2.0

// Package coordination shows what locks and elections guarantee while members are lost.
package coordination

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/test/internal/soak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	contenders  = 8
	connections = 4
	ttl         = 3 * time.Second
	calm        = 700 * time.Millisecond // between two faults
	patience    = time.Minute            // for a turn when the faults are over

	root    = "safety/"
	name    = root + "turn"
	workKey = root + "work"
	endKey  = root + "end"
)

// turn runs f while the contender holds the lock or leads.
type turn func(parent context.Context, c ctx.Ctx, f func(held context.Context, guard compare.Compare, rev int64) error) error

func byLock(ttl time.Duration) turn {
	return func(parent context.Context, c ctx.Ctx, f func(context.Context, compare.Compare, int64) error) error {
		return lock.Do(parent, c, ttl, func(held context.Context, l lock.Held) error { return f(held, l.Guard(), l.Rev) })
	}
}

func byElection(ttl time.Duration) turn {
	return func(parent context.Context, c ctx.Ctx, f func(context.Context, compare.Compare, int64) error) error {
		return election.Run(parent, c.WithValue("candidate"), ttl, func(leading context.Context, l *election.Leadership) error {
			return f(leading, l.Guard(), l.Key.GetRev())
		})
	}
}

// kinds has the ways to take turns.
var kinds = map[string]func(ttl time.Duration) turn{"lock": byLock, "election": byElection}

// TestFenceAcceptsWritesOfTheHolderOnly lets contenders write through their guards while members are lost in turn. Then
// it compares every write with the history: whose turn was it when the cluster applied the write?
func TestFenceAcceptsWritesOfTheHolderOnly(t *testing.T) {
	for kind, by := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			take := by(ttl)
			cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
			from := revision(t, open(t, cluster))
			var all sync.WaitGroup
			var records [contenders]record
			over := make(chan struct{})
			var bases [connections]ctx.Ctx
			for i := range bases {
				bases[i] = open(t, cluster)
			}
			for id := range contenders {
				all.Go(func() { records[id].contend(t, take, bases[id%connections].WithName(name), id, over) })
			}
			hurt(t, cluster, endsLeases)
			close(over)
			all.Wait()
			settled(t, bases[0])
			judge(t, bases[0], from, records[:])
		})
	}
}

// record is the report of a contender.
type record struct {
	turns, failures, losses int
	acknowledged            []string
}

// contend takes turn after turn, and after the faults a last one, which it must get.
func (r *record) contend(t *testing.T, take turn, c ctx.Ctx, id int, over <-chan struct{}) {
	work := kv.Key(workKey)
	for last := false; !last; {
		limit := 20 * time.Second
		select {
		case <-over:
			last, limit = true, patience
		default:
		}
		err := take(t.Context(), c.WithTimeout(limit), func(held context.Context, guard compare.Compare, rev int64) error {
			r.turns++
			for n := range 5 + rand.IntN(10) {
				value := fmt.Sprintf("%d/%d/%d", rev, id, n)
				writing, cancel := context.WithTimeout(context.WithoutCancel(held), 2*time.Second)
				// A holder that has lost its turn writes once more, and the fence must refuse that.
				written, err := kv.Txn(writing, kv.New(sealed.Ctx(c).Conn()), op.If(guard).Then(op.Put(work.WithValue(value))))
				cancel()
				if err == nil && written.GetSucceeded() {
					r.acknowledged = append(r.acknowledged, value)
				}
				if held.Err() != nil {
					break
				}
			}
			return nil
		})
		switch {
		case errors.Is(err, lock.ErrLost) || errors.Is(err, election.ErrLost):
			r.losses++
			last = false
		case err != nil && last:
			t.Errorf("contender %d has not got its last turn: %v", id, err)
		case err != nil:
			r.failures++
			time.Sleep(20 * time.Millisecond) // with no endpoint it fails at once
		}
	}
}

// endsLeases is how long a fault lasts at most where leases of the TTL are to end meanwhile.
const endsLeases = 5 * time.Second

// hurt loses members in turn, each for up to longest: once in each way, or for $EETCD_FAULT_SECONDS.
func hurt(t *testing.T, cluster *etcdtest.Cluster, longest time.Duration, more ...fault) {
	t.Helper()
	faults := slices.Concat(faults, more)
	end := time.Now().Add(soak.Length(t, 0))
	for i := 0; i < len(faults) || time.Now().Before(end); i++ {
		f := faults[i%len(faults)]
		victim := cluster.Member(rand.IntN(cluster.Size()))
		if i%2 == 0 {
			if leader := cluster.Leader(); leader != nil {
				victim = leader
			}
		}
		f.strike(cluster, victim)
		lasts := longest/5 + rand.N(longest*4/5)
		time.Sleep(lasts)
		f.heal(cluster, victim)
		time.Sleep(calm)
		t.Logf("%s %s for %v", f.name, victim.Name(), lasts.Round(time.Millisecond))
	}
}

// fault is one way to lose a member and to get it back.
type fault struct {
	name         string
	strike, heal func(*etcdtest.Cluster, *etcdtest.Member)
}

var faults = []fault{
	{"kill of", ofMember((*etcdtest.Member).Kill), ofMember((*etcdtest.Member).Restart)},
	{"pause of", ofMember((*etcdtest.Member).Pause), ofMember((*etcdtest.Member).Resume)},
	{"cut of", ofMember((*etcdtest.Member).Cut), ofMember((*etcdtest.Member).Heal)},
	{"partition of", (*etcdtest.Cluster).Partition, func(c *etcdtest.Cluster, _ *etcdtest.Member) { c.HealPartition() }},
}

// rolling restarts all members, one after the other.
var rolling = fault{"rolling restart from", func(c *etcdtest.Cluster, first *etcdtest.Member) {
	first.Restart()
	for _, m := range c.Members() {
		if m != first {
			m.Restart()
		}
	}
}, func(*etcdtest.Cluster, *etcdtest.Member) {}}

func ofMember(do func(*etcdtest.Member)) func(*etcdtest.Cluster, *etcdtest.Member) {
	return func(_ *etcdtest.Cluster, m *etcdtest.Member) { do(m) }
}

// open connects to a cluster, or to some of its members.
func open(t *testing.T, cluster *etcdtest.Cluster, members ...int) ctx.Ctx {
	t.Helper()
	endpoints := cluster.Endpoints()
	if len(members) > 0 {
		endpoints = nil
		for _, i := range members {
			endpoints = append(endpoints, cluster.Member(i).Endpoint())
		}
	}
	return kv.New(onecluster.Open(t, "", endpoints).Name())
}

func revision(t *testing.T, c ctx.Ctx) int64 {
	t.Helper()
	r, err := kv.Get(t.Context(), c.WithKey("none").WithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	return r.GetHeader().GetRevision()
}
