// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"math"
	"sync/atomic"
	"time"
)

// never is a time that is not reached.
const never = time.Duration(math.MaxInt64)

// stage is the state of a lease here. The guard's lock guards it.
//
//	stage    event                                                             next stage
//	resting  its time has come, or a Keeper joins                              ready
//	ready    its renewal is sent                                               sent
//	sent     the server renews it                                              resting, for a third of the TTL
//	         the server does not know it yet: see doubts                       resting, for a moment
//	         the server says that it is gone                                   gone
//	         the stream breaks, and its answer would have been the next one    resting, for a moment: see hesitation
//	         the same, because this client may not renew this lease            gone
//	         the stream breaks otherwise                                       ready
//	any      its last Keeper leaves                                            gone
//	         its last acknowledged renewal was sent longer ago than its TTL    gone
//	         nothing can be renewed any more, or not yet: see broken           gone
type stage uint8

const (
	resting stage = iota // until it is due
	ready                // its renewal is to be sent
	sent                 // its renewal is sent and not answered
	gone                 // it is kept no longer
)

// held is a lease that is kept alive. The guard's lock guards all of it but the atomic fields.
type held struct {
	id         int64
	ttl        atomic.Int64  // of the last renewal
	validUntil atomic.Int64  // counted from the roster's epoch; never until the first renewal
	revision   int64         // of the store, at the last renewal
	sent       time.Duration // when the last acknowledged renewal was sent

	keepers   []*stake
	waiting   []chan struct{} // closed with the next renewal
	stage     stage
	renewed   bool          // at least once
	failures  uint8         // since the last renewal: streams that broke when this lease was the next to be answered
	denials   uint8         // before the first renewal: answers that the lease is gone
	due       time.Duration // while resting: when it is to be renewed
	positions [2]position   // in the queues of the roster
}

// stake is the part of a Keeper that its lease works on. The guard's lock guards ended and unbind.
type stake struct {
	done   chan struct{}
	err    error       // written before done is closed
	ended  bool        // the Keeper has ended
	unbind func() bool // releases the parent context; nil until there is one
}

// end ends the Keeper, and reports whether this call did it.
func (s *stake) end(err error) bool {
	if s.ended {
		return false
	}
	s.ended, s.err = true, err
	close(s.done)
	return true
}

// position is the place of a lease in a queue.
type position struct {
	at    time.Duration
	index int32 // counted from 1; 0 means that the lease is not in the queue
}

// expired reports whether the server may have let the lease expire.
func (l *held) expired(now time.Duration) bool { return l.until() <= now }

// until is when the server may let the lease expire.
func (l *held) until() time.Duration { return time.Duration(l.validUntil.Load()) }

const (
	// maxPatience is for how long a member may leave renewals unanswered before the stream moves to another member. For a lease
	// with a TTL below 9 s it is less: half the time between two renewals, so that another try can come in time. It doubles
	// with each silence in a row, up to silenceLimit. Otherwise a slow cluster would never get to answer.
	maxPatience  = 1500 * time.Millisecond
	silenceLimit = 10 * time.Second
	// proxyDelay is what a proxy adds to an answer. Its client looks every half second for leases that are due.
	proxyDelay = 600 * time.Millisecond
)

// patience is for how long the renewal of a lease may be unanswered. late says that answers may come late, as from a proxy.
func (l *held) patience(late bool) time.Duration {
	switch {
	case late && !l.renewed:
		return silenceLimit // the Keeper of another client may set the pace of this lease
	case late:
		return time.Duration(l.ttl.Load())/6 + proxyDelay
	case !l.renewed:
		return maxPatience
	default:
		return min(time.Duration(l.ttl.Load())/6, maxPatience)
	}
}

// timeToLive converts the TTL of a renewal. A TTL of more than a century counts as a century.
func timeToLive(seconds int64) time.Duration {
	const century = 100 * 365 * 24 * 60 * 60
	return time.Duration(min(seconds, century)) * time.Second
}
