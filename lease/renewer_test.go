// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"errors"
	"testing"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// A process that did not run for a while may come upon an answer, a lease that is due or another Keeper before its own
// timers. These tests put a renewer into that state; it has no stream and no goroutines.

func idle(t *testing.T) *renewer {
	t.Helper()
	r := newRenewer(&guard{}, nil, place{}, func() {})
	t.Cleanup(func() { r.end(nil) })
	r.epoch = r.epoch.Add(-time.Hour)
	return r
}

// join adds a Keeper of a lease that has not been renewed.
func join(r *renewer, id int64) *Keeper {
	k := newKeeper()
	k.renewer = r
	k.lease, _ = r.add(&k.stake, id)
	return k
}

// renewed adds a Keeper of a lease that was renewed and is valid until then.
func renewed(r *renewer, id int64, until time.Duration) *Keeper {
	k := join(r, id)
	k.lease.renewed, k.lease.stage = true, resting
	k.lease.ttl.Store(int64(10 * time.Second))
	k.lease.validUntil.Store(int64(until))
	r.ready.remove(k.lease)
	r.setAlarm(k.lease)
	return k
}

func endedWith(k *Keeper) error {
	select {
	case <-k.done:
		return k.err
	default:
		return errors.New("it has not ended")
	}
}

func TestAnswerAfterTheTTLDoesNotReviveALease(t *testing.T) {
	r := idle(t)
	k := renewed(r, 1, r.now()-time.Millisecond)
	r.renewal(k.lease, r.now()-time.Second, &pb.LeaseKeepAliveResponse{ID: 1, TTL: 10}, "a:1", false)
	if err := endedWith(k); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
}

func TestLeaseIsNotRenewedAfterItsEnd(t *testing.T) {
	r := idle(t)
	k := renewed(r, 1, r.now()+time.Hour)
	r.demand(k.lease)
	k.lease.validUntil.Store(int64(r.now() - time.Millisecond))
	if id, any := r.next(); any {
		t.Errorf("lease %d would be renewed", id)
	}
	if err := endedWith(k); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
}

func TestKeeperOfALeaseThatHasExpiredHereBeginsAnew(t *testing.T) {
	r := idle(t)
	first := renewed(r, 1, r.now()-time.Millisecond)
	second := join(r, 1)
	if err := endedWith(first); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
	if endedWith(second) == nil || second.lease == first.lease {
		t.Error("the second has ended with the first")
	}
	if id, any := r.next(); id != 1 || !any {
		t.Errorf("the renewer would renew %d, %v", id, any)
	}
}

// mute is a stream that is never used.
type mute struct{ engine.Stream }

func (mute) Endpoint() string { return "a:1" }

// A renewer that wakes up late finds renewals unanswered for longer than it has patience.
func TestMemberIsNotBlamedForTimeInWhichThisProcessDidNotRun(t *testing.T) {
	for _, test := range []struct {
		name   string
		late   []time.Duration // each wake-up since patience was over
		blamed bool
	}{
		{"on time, once", []time.Duration{0}, false},
		{"on time", []time.Duration{0, 0}, true},
		{"a quarter of a CPU", []time.Duration{70 * time.Millisecond, 70 * time.Millisecond}, true},
		{"stopped once", []time.Duration{4 * time.Second, 0}, true},
		{"stopped twice", []time.Duration{0, 4 * time.Second}, false},
		{"stopped twice, then on time", []time.Duration{0, 4 * time.Second, 0}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := idle(t)
			r.stream = mute{}
			k := renewed(r, 1, r.now()+time.Hour)
			k.lease.stage = sent
			asked := r.now() - time.Minute
			r.flights.start(asked, false)
			r.flights.add(k.lease, asked)
			for i, late := range test.late {
				r.clock.at = r.now() - late
				r.flights.reprieve.until = 0 // that time has passed
				last := i == len(test.late)-1
				wait, silent := r.tick()
				if blamed := silent != nil; blamed != (last && test.blamed) {
					t.Errorf("woken up %v late for the %d. time: blamed is %v", late, i+1, blamed)
				}
				if least := min(2*late, maxPatience); silent == nil && (wait < least || wait > maxPatience) {
					t.Errorf("woken up %v late, the next check is in %v", late, wait)
				}
			}
		})
	}
}
