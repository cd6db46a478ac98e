// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

const (
	opsMax      = 128       // of a trip: what etcd allows by default
	requestMax  = 256 << 10 // bytes of the operations of a trip, where etcd allows 1.5 MiB
	answersMax  = 256 << 10 // bytes that the answers of a trip should have
	largeAnswer = 32 << 10  // an answer of this size keeps others waiting, so its key travels alone from then on
	apartMax    = 1024      // keys that are remembered to travel alone
	refusedMax  = 3         // refused trips in a row before there are none for a while
	restMin     = time.Second
	restMax     = time.Minute
	limitAge    = time.Minute // how long a server's refusal counts, before a trip with more operations is tried again
)

// lessons is what the answers have taught. The lock of the queue guards it.
type lessons struct {
	limit   int                 // operations that a server takes
	learnt  time.Time           // when a server last refused more
	tried   time.Time           // when a trip that might have more last left
	try     bool                // the next trip may have twice the limit
	ops     int                 // operations that a trip may have: fewer, where trips have come too late
	mean    float64             // bytes of an answer
	ways    map[uint64]way      // by the member that answers
	busy    time.Duration       // how much longer than on an empty way an answer of a trip takes now
	takes   time.Duration       // what an answer takes now: close to the most of the last ones
	solo    map[string]struct{} // keys that travel alone, because their values are large or the server refuses to tell them
	refused int                 // trips in a row
	last    time.Time           // when the last of them came back
	rest    time.Duration       // how long there were no trips the last time
	until   time.Time           // no trips before that
}

// room returns how many operations a trip may have, so that its answers stay small.
func (l *lessons) room() int {
	ops := l.ops
	if l.try {
		ops = min(opsMax, 2*l.limit)
	}
	if l.mean*float64(ops) <= answersMax {
		return ops
	}
	return max(1, int(answersMax/l.mean))
}

// leaves notes that a trip leaves. Only one tries to have more operations than the limit, so only its riders pay for a refusal. A trip with too
// few riders for that has waited longer for them. No other trip does that for a while.
func (l *lessons) leaves(now time.Time) {
	if l.try {
		l.try, l.tried = false, now
	}
}

// alone reports whether the key of a read travels alone, as all do for a while after many refusals.
func (l *lessons) alone(r Read) bool {
	if len(l.solo) > 0 && r.in(l.solo) {
		return true
	}
	return !l.until.IsZero() && time.Now().Before(l.until)
}

const (
	patienceMin = time.Millisecond
	patienceMax = 50 * time.Millisecond
)

// patience returns how long the first rider of a trip waits for another request to come back. A long way alone is no reason to wait,
// since more trips may be on it at the same time. If answers take longer than the way, a server or this process is busy, and
// larger trips make less work of the same reads.
func (l *lessons) patience() time.Duration { return min(max(patienceMin, 2*l.busy), patienceMax) }

// way is what an answer of one member takes where nothing is busy: the least that was seen, slowly forgotten.
type way time.Duration

// waysMax is how many members are remembered. A cluster has a handful, which change.
const waysMax = 32

// arrived learns from how long the answer of a member took, and returns how much of that was more than its way.
func (l *lessons) arrived(member uint64, took time.Duration) (more time.Duration) {
	w, known := l.ways[member]
	if !known || took < time.Duration(w) {
		w = way(took)
	}
	w += (way(took) - w) / 1024
	if !known && len(l.ways) >= waysMax {
		clear(l.ways)
	}
	if l.ways == nil {
		l.ways = map[uint64]way{}
	}
	l.ways[member] = w
	return took - time.Duration(w)
}

// took learns how long answers take now, on the way or for what is busy there. One late answer, as after an outage, says little.
func (l *lessons) took(d time.Duration) {
	if more := d - l.takes; more > 0 {
		l.takes += min(more, l.takes+patienceMax)
	} else {
		l.takes += more / 32
	}
}

// leaveBy returns when a rider must leave so that its answer comes in time, with an eighth to spare. It is not known before the first
// answer.
func (l *lessons) leaveBy(deadline time.Time) (by time.Time, known bool) {
	return deadline.Add(-l.takes - l.takes/8), l.takes > 0
}

// hopeless reports whether a rider that should have left so long ago would miss its deadline even if its answer came in half the time.
func (l *lessons) hopeless(ago time.Duration) bool { return ago > l.takes/2 }

// outcome is what came of a trip.
type outcome struct {
	seats, ops int // equal reads are one operation
	bytes      int // of the answers; 0 if there are none
	member     uint64
	began      time.Time
	took       time.Duration // 0 if that says nothing of a way, because there were several attempts
	refused    bool
	late       bool // a member was asked, and no answer came before the last rider had to leave
	err        error
}

// of learns from a trip that has come back now.
func (l *lessons) of(o outcome, now time.Time) {
	switch {
	case o.refused && o.ops > 1 && errors.Is(o.err, etcderr.ErrTooManyOps):
		l.learnt, l.try = now, false
		if o.ops <= l.limit { // otherwise it was known, or it was a try
			l.limit = o.ops / 2
			l.ops = min(l.ops, l.limit)
		}
	case o.refused && o.ops > 1 && tooLarge(o.err), o.late && o.ops > 1 && !l.small(o.ops):
		l.ops, l.try = max(1, min(l.ops, o.ops/2)), false
	case o.refused:
		l.refuse(o.began, now)
	case o.bytes > 0:
		if l.mean == 0 {
			l.mean = float64(o.bytes) / float64(o.ops)
		}
		l.mean += (float64(o.bytes)/float64(o.ops) - l.mean) / 8
		if o.took > 0 {
			l.took(o.took)
			l.busy += (min(l.arrived(o.member, o.took), patienceMax) - l.busy) / 8
		}
		old := now.Sub(l.learnt) >= limitAge
		if old && o.ops > l.limit { // if it is not old, another member has just refused as many
			l.limit, l.tried = o.ops, time.Time{}
		}
		if o.seats >= l.ops {
			l.try = old && l.ops == l.limit && l.limit < opsMax && now.Sub(l.tried) >= limitAge
			l.ops = min(l.limit, 2*l.ops)
		}
		l.refused, l.rest, l.until = 0, 0, time.Time{}
	}
}

// small reports whether so many answers cannot be what made a trip late.
func (l *lessons) small(ops int) bool { return l.mean > 0 && l.mean*float64(ops) < largeAnswer }

// tooLarge reports whether an error is that of a request or an answer beyond a limit of either side.
func tooLarge(err error) bool {
	var e *etcderr.Error
	return errors.As(err, &e) && e.Code() == codes.ResourceExhausted
}

// refuse learns from a refused trip. Those that were under way together count as one.
func (l *lessons) refuse(began, now time.Time) {
	if began.Before(l.last) {
		return
	}
	l.last = now
	l.refused++
	if l.refused < refusedMax {
		return
	}
	l.refused = 0
	l.rest = min(max(restMin, 2*l.rest), restMax)
	l.until = now.Add(l.rest)
}

// refusal reports whether an error is a server's answer to a request, which it would not give to another one, or that of this side, which
// cannot send it. What went wrong on the way is none, nor what passes: package call has tried that again already.
func refusal(err error) bool {
	var e *etcderr.Error
	if !errors.As(err, &e) || e.SafeToRetry() {
		return false
	}
	switch e.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Aborted:
		return false
	case codes.ResourceExhausted, codes.Internal:
		return true // the messages of this side too
	default:
		return e.Outcome() != etcderr.NotSent
	}
}

// came learns from a read that went alone.
func (l *lessons) came(r Read, reply *pb.RangeResponse, took time.Duration, err error) {
	if err != nil && !refusal(err) {
		return // that says nothing of the key
	}
	alone := err != nil
	if err == nil {
		l.took(took)
		l.arrived(reply.GetHeader().GetMemberId(), took)
		if r.valueless() {
			return // the value stays unknown
		}
		alone = len(reply.Kvs) == 1 && len(reply.Kvs[0].Value) >= largeAnswer
	}
	if alone || len(l.solo) > 0 {
		l.separate(r, alone)
	}
}

// separate remembers whether the key of a read travels alone.
func (l *lessons) separate(r Read, alone bool) {
	key := r.key()
	if !alone {
		delete(l.solo, key)
		return
	}
	if l.solo == nil {
		l.solo = map[string]struct{}{}
	}
	if len(l.solo) >= apartMax {
		for other := range l.solo { // any of them
			delete(l.solo, other)
			break
		}
	}
	l.solo[strings.Clone(key)] = struct{}{} // the caller's may be a part of something large
}
