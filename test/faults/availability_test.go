// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

const (
	calm     = 500 * time.Millisecond // of readers before a fault, so that all are connected and under way
	trouble  = 4 * time.Second        // how long a fault lasts: longer than the shorter deadline
	frozenBy = 3 * time.Second        // after which a silent member takes no requests any more
	slowRead = 2 * time.Second        // which no read exceeds for a silent member
	stuckFor = 8 * time.Second        // how long members of 3.4 wait for the answer of a leader that is lost, at most

	retryPause   = 500 * time.Millisecond // the SDK's longest between two tries of a call
	suspectAfter = 500 * time.Millisecond // the SDK's patience with a member
)

// TestReadsSurviveTheLossOfOneMember runs 64 readers while one member is lost. It prints what that cost them, beside
// the cost for as many readers of clientv3, on the same cluster at the same time.
func TestReadsSurviveTheLossOfOneMember(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	old := strings.HasPrefix(cluster.Member(0).Version(), "v3.4.")
	pick := newRand(t)
	setUp := open(t, cluster.Endpoints())
	if _, err := kv.Put(t.Context(), kv.New(setUp.Name()).WithKey(readKey).WithValue("v")); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "fault\tclient\treads\tfailed\tnext success\tof every reader\tslowest read\t")
	for _, tt := range []struct {
		fault  fault
		role   role
		silent bool // the fault leaves connections open that nobody answers on
	}{
		{kill, follower, false},
		{kill, leader, false},
		{pause, follower, true},
		{pause, leader, true},
		{cut, follower, false},
		{cut, leader, false},
		{blackhole, follower, true},
		{blackhole, leader, true},
	} {
		name := fmt.Sprintf("%s %s", tt.fault.name, tt.role)
		t.Run(name, func(t *testing.T) {
			victim := memberOf(t, cluster, tt.role, pick)
			well := slices.DeleteFunc(cluster.Members(), func(m *etcdtest.Member) bool { return m == victim })
			states := &stateLog{}
			c := open(t, cluster.Endpoints(), conn.WithStateListener(states.add))
			ours := sdkReaders(c)
			defer ours.stop()
			theirs, stopTheirs := etcdReaders(t, cluster.Endpoints())
			defer stopTheirs()
			machine := startYardstick(t, well[0])
			defer machine.stop()

			time.Sleep(calm)
			struck := time.Now()
			tt.fault.strike(cluster, victim)
			leaderless := time.Duration(0)
			length := trouble
			stopped := tt.role == leader && (tt.fault.name == kill.name || tt.fault.name == pause.name)
			// A member of 3.4 that has asked the lost leader for its index waits for the answer, and all its reads wait
			// too.
			stuck := old && stopped
			if stuck {
				length += stuckFor
			}
			if stopped {
				if cluster.Leader() == nil {
					t.Error("no other member became leader")
				}
				leaderless = time.Since(struck)
			}
			time.Sleep(time.Until(struck.Add(length)))
			if frozen := func() bool { return stateOf(c, victim.Endpoint()).State == conn.Frozen }; !until(30*time.Second, frozen) {
				t.Error("the lost member is not Frozen")
			}
			tt.fault.heal(cluster, victim)
			awaitAllActive(t, c)
			ours.stop()
			theirs.stop()

			slack := grace + machine.stop()
			got := ours.toll(struck, slack)
			t.Logf("a bare client was held up for up to %v, and for %v in all", machine.slowest, machine.held)
			line(w, name, "eetcd", got)
			line(w, name, "clientv3", theirs.toll(struck, slack))
			// Without a leader nobody can answer. With a new one, it takes the longest pause between two attempts. The SDK
			// counts a member's silence in many short steps, each of which the machine may hold up.
			bound := max(slowRead, leaderless+retryPause) + machine.held
			starved := bound > shortDeadline // then the deadline of a read may come first
			switch {
			case got.failed == 0, (stuck || starved) && errors.Is(got.firstErr, context.DeadlineExceeded):
			default:
				t.Errorf("%d of %d reads failed; the first: %v", got.failed, got.reads, got.firstErr)
			}
			if got.late > 0 {
				t.Errorf("%d of %d reads took longer than their deadline, up to %v", got.late, got.reads, got.slowest)
			}
			if got.silent > 0 && !starved {
				t.Errorf("%d readers had no success after the fault", got.silent)
			}
			at, ok := states.first(victim.Endpoint(), conn.Frozen)
			if frozen := at.Sub(struck); !ok || frozen > frozenBy+machine.held {
				t.Errorf("frozen after %v (ever: %t), want within %v", frozen, ok, frozenBy+machine.held)
			}
			if tt.silent && !stuck && got.slowest > bound {
				t.Errorf("a read took %v, want at most %v", got.slowest, bound)
			}
			if tt.role == leader || machine.slowest > suspectAfter {
				return // an election, or the machine, makes members suspect that have nothing wrong with them
			}
			for _, m := range well {
				if reason := states.unwarranted(m.Endpoint()); reason != nil {
					t.Errorf("%s was frozen too, with nothing wrong with it (%v): %v", m.Name(), reason, states)
				}
			}
		})
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d readers with each client, a read every %v each, one member of three lost for %v:\n%s",
		readerCount, readPause, trouble, &table)
}

func line(w *tabwriter.Writer, fault, client string, got toll) {
	every := got.last.Round(time.Millisecond).String()
	if got.silent > 0 {
		every = fmt.Sprintf("%d without", got.silent)
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%v\t%v\t%v\t\n", fault, client, got.reads, got.failed,
		got.next.Round(time.Millisecond), every, got.slowest.Round(time.Millisecond))
}

// stateLog records the calls of a state listener.
type stateLog struct {
	mu    sync.Mutex
	heard []change
}

type change struct {
	at       time.Time
	endpoint conn.Endpoint
}

func (l *stateLog) add(e conn.Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, change{time.Now(), e})
}

// first returns when an endpoint first got into a state.
func (l *stateLog) first(address string, s conn.State) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.heard {
		if c.endpoint.Address == address && c.endpoint.State == s {
			return c.at, true
		}
	}
	return time.Time{}, false
}

// unwarranted returns why the endpoint of a healthy member was frozen. An election is a good reason, and a busy machine
// may cause one.
func (l *stateLog) unwarranted(address string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.heard {
		if e := c.endpoint; e.Address == address && e.State == conn.Frozen && !errors.Is(e.Err, etcderr.ErrNoLeader) {
			return e.Err
		}
	}
	return nil
}

func (l *stateLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, c := range l.heard {
		fmt.Fprintf(&b, "\n%s %s %v %v", c.at.Format("15:04:05.000"), c.endpoint.Address, c.endpoint.State, c.endpoint.Err)
	}
	return b.String()
}
