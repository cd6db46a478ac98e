// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"errors"
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
)

// lessons is what the answers have taught. The lock of the queue guards it.
type lessons struct {
	ops     int                 // operations that a trip may have
	mean    float64             // bytes of an answer
	way     time.Duration       // what an answer takes where nothing is busy: the least that was seen, slowly forgotten
	took    time.Duration       // what an answer of a trip takes now
	solo    map[string]struct{} // keys that travel alone, because their values are large or the server refuses to tell them
	refused int                 // trips in a row
	rest    time.Duration       // how long there were no trips the last time
	until   time.Time           // no trips before that
}

// room returns how many operations a trip may have, so that its answers stay small.
func (l *lessons) room() int {
	if l.mean*float64(l.ops) <= answersMax {
		return l.ops
	}
	return max(1, int(answersMax/l.mean))
}

// alone reports whether a key travels alone, as all do for a while after many refusals.
func (l *lessons) alone(key []byte) bool {
	if _, solo := l.solo[string(key)]; solo {
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
func (l *lessons) patience() time.Duration {
	return min(max(patienceMin, 2*(l.took-l.way)), patienceMax)
}

// arrived learns from how long an answer took.
func (l *lessons) arrived(took time.Duration) {
	if l.way == 0 || took < l.way {
		l.way = took
	}
	l.way += (took - l.way) / 1024
}

// outcome is what came of a trip.
type outcome struct {
	ops, bytes int // bytes of the answers; 0 if there are none
	took       time.Duration
	refused    bool
	err        error
}

// of learns from a trip.
func (l *lessons) of(o outcome) {
	switch {
	case o.refused && errors.Is(o.err, etcderr.ErrTooManyOps):
		l.ops = max(1, min(l.ops, o.ops/2))
	case o.refused:
		l.refuse(time.Now())
	case o.bytes > 0:
		l.mean += (float64(o.bytes)/float64(o.ops) - l.mean) / 8
		l.arrived(o.took)
		l.took += (o.took - l.took) / 8
		l.refused, l.rest, l.until = 0, 0, time.Time{}
	}
}

// refuse learns from a refused trip.
func (l *lessons) refuse(now time.Time) {
	l.refused++
	if l.refused < refusedMax {
		return
	}
	l.refused = 0
	l.rest = min(max(restMin, 2*l.rest), restMax)
	l.until = now.Add(l.rest)
}

// refusal reports whether an error is a server's answer to a request, which it would not give to another one. What went wrong on the
// way is none, nor what passes: package call has tried that again already.
func refusal(err error) bool {
	var e *etcderr.Error
	if !errors.As(err, &e) || e.SafeToRetry() {
		return false
	}
	switch e.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Aborted:
		return false
	default:
		return e.Outcome() != etcderr.NotSent
	}
}

// came learns from a read that went alone.
func (l *lessons) came(key []byte, reply *pb.RangeResponse, took time.Duration, err error) {
	if err == nil {
		l.arrived(took)
	}
	alone := err != nil && refusal(err)
	if err == nil && len(reply.Kvs) == 1 {
		alone = len(reply.Kvs[0].Value) >= largeAnswer
	}
	if alone || len(l.solo) > 0 {
		l.separate(key, alone)
	}
}

// separate remembers whether a key travels alone.
func (l *lessons) separate(key []byte, alone bool) {
	if !alone {
		delete(l.solo, string(key))
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
	l.solo[string(key)] = struct{}{}
}
