// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

const (
	// underWayMax is how many trips may be under way before others wait for their return. Reads that go alone do not count, nor do trips
	// that others have overtaken.
	underWayMax = 64
	// overtakenMax is how many later trips are answered before one that is still under way counts no more. Its member is silent, or much
	// farther away than others. Otherwise its trips would soon be all that may be under way, and reads would wait that another
	// member can answer at once.
	overtakenMax = 16
)

// queue decides when reads travel:
//
//	event                                  nothing is under way   something is under way
//	a read is made                         it goes alone          it takes a seat in the next trip
//	the next trip is full                  -                      it leaves, and another one is the next
//	its first rider has lost patience      -                      it leaves
//	a rider would miss its deadline        -                      it leaves
//	the last request under way comes back  -                      it leaves, after those who came back could take a seat
//
// Trips do not leave whenever a request comes back, because the number of requests under way would never fall, and trips would stay
// small. While underWayMax trips are under way, others wait for the return of one: full ones in line, and then the next one if its first
// rider has lost patience. A trip that overtakenMax later ones have overtaken does not count.
type queue struct {
	kind   Kind
	config Config
	seats  seats

	mu      sync.Mutex
	under   int         // requests under way: trips, and reads that went alone
	trips   []*trip     // trips under way that count, in the order in which they left
	line    []*trip     // full ones, that wait
	next    *trip       // nil while nobody waits for company
	leaving time.Time   // when it leaves at the latest
	late    bool        // that time has come, while too many trips were under way
	timer   *time.Timer // nil until a trip has had riders
	lessons lessons

	resting chan *trip // to a goroutine that rests
}

func newQueue(kind Kind, c Config) *queue {
	q := &queue{kind: kind, config: c, resting: make(chan *trip)}
	q.seats.init()
	q.lessons.limit, q.lessons.ops = opsMax, opsMax
	return q
}

// add says that a read goes alone although something is under way.
func (q *queue) add() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.under++
}

// separate lets the key of a read travel alone from now on, because its value is large.
func (q *queue) separate(r Read) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lessons.separate(r, true)
}

// board gives a rider its seat. It returns false if the read goes alone: because nothing is under way, or because its key travels alone.
func (q *queue) board(s *seat, r Read) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.under == 0 || q.lessons.alone(r) {
		q.under++
		return false
	}
	if q.next == nil {
		q.next = newTrip(&q.config)
		patience := q.lessons.patience()
		q.leaving = time.Now().Add(patience)
		q.wait(patience)
	}
	q.next.add(s)
	if q.next.riders >= q.lessons.room() || q.next.bytes >= requestMax {
		full := q.take()
		if len(q.trips) < underWayMax {
			q.start(full)
		} else {
			q.sweep()
			q.line = append(q.line, full)
		}
		return true
	}
	if by, known := q.lessons.leaveBy(s.deadline); known && by.Before(q.leaving) {
		q.hurry(by)
	}
	return true
}

// hurry lets the next trip leave earlier, since one of its riders would miss its deadline otherwise. The caller holds the lock.
func (q *queue) hurry(by time.Time) {
	left := time.Until(by)
	switch {
	case q.lessons.hopeless(-left):
	case left > 0:
		q.leaving = by
		q.wait(left)
	default:
		q.leaving = by
		q.due()
	}
}

// wait has impatient called after the patience of a rider. The caller holds the lock.
func (q *queue) wait(patience time.Duration) {
	if q.timer == nil {
		q.timer = time.AfterFunc(patience, q.impatient)
		return
	}
	q.timer.Reset(patience)
}

// sweep takes trips out of the line whose riders have all left. The caller holds the lock.
func (q *queue) sweep() {
	for len(q.line) > 0 && q.line[0].empty() {
		q.line[0].fail(nil)
		q.line[0] = nil
		q.line = q.line[1:]
	}
}

// take takes the next trip, which leaves or waits in line. The caller holds the lock.
func (q *queue) take() *trip {
	t := q.next
	q.next, q.late = nil, false
	q.lessons.leaves(time.Now())
	q.timer.Stop() // if it fires all the same, another trip leaves early
	return t
}

// impatient runs when the next trip has waited long enough for company.
func (q *queue) impatient() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next != nil {
		q.due()
	}
}

// due lets the next trip leave, or else the next time that a trip comes back. The caller holds the lock.
func (q *queue) due() {
	switch {
	case len(q.trips) < underWayMax:
		q.start(q.take())
	default:
		q.late = true
	}
}

// start lets a trip leave. The caller holds the lock.
func (q *queue) start(t *trip) {
	q.leaves(t)
	q.hand(t)
}

// hand gives a trip that counts as under way to a goroutine. The caller holds the lock.
func (q *queue) hand(t *trip) {
	select {
	case q.resting <- t:
		return
	default:
	}
	if err := q.config.Go(func(life context.Context) { q.drive(life, t) }); err != nil {
		q.comes(t, false)
		t.fail(err)
	}
}

// leaves counts a trip. The caller holds the lock.
func (q *queue) leaves(t *trip) {
	q.under++
	q.trips = append(q.trips, t)
}

// comes undoes leaves. If the trip was answered, it has overtaken those that left before it. The caller holds the lock.
func (q *queue) comes(t *trip, answered bool) {
	q.under--
	at := slices.Index(q.trips, t)
	if at < 0 {
		return // it was overtaken itself
	}
	q.trips = slices.Delete(q.trips, at, at+1)
	if !answered || at == 0 {
		return
	}
	for _, before := range q.trips[:at] {
		before.overtaken++
	}
	q.trips = slices.DeleteFunc(q.trips, func(t *trip) bool { return t.overtaken >= overtakenMax })
}

// drive makes one trip after another, as long as there are riders, and a little longer.
func (q *queue) drive(life context.Context, t *trip) {
	defer func() {
		if t == nil || !t.cutOff {
			return
		}
		if next := q.after(t, t.refuse()); next != nil { // runtime.Goexit ends this goroutine
			q.mu.Lock()
			defer q.mu.Unlock()
			q.hand(next)
		}
	}()
	for t != nil {
		o := t.travel(q.kind, &q.config)
		q.linger(t)
		if t = q.after(t, o); t == nil {
			t = q.rest(life)
		}
	}
}

// restMost is how long the goroutine of a trip that has come back waits for another trip.
const restMost = 10 * time.Millisecond

// rest waits a moment for another trip. A new goroutine would have to grow its stack first, which is 3% of what full trips cost.
func (q *queue) rest(life context.Context) *trip {
	enough := time.NewTimer(restMost)
	defer enough.Stop()
	select {
	case t := <-q.resting:
		return t
	case <-enough.C:
	case <-life.Done():
	}
	return nil
}

const (
	lingerTurns = 16
	lingerMax   = patienceMin / 2
)

// linger lets the riders of a trip that has come back run, before the next trip leaves. Those who read one key after another then
// travel together again, instead of in two parts whose trips cost twice as much. First all riders get off with their answers, on
// whatever CPU they are. Then it ends as soon as a turn of the scheduler brings no further rider to the next trip. Nothing sleeps
// here. With other trips under way, the next trip does not leave anyway.
func (q *queue) linger(over *trip) {
	if _, idle := q.boarded(); !idle {
		return
	}
	<-over.vacant
	began := time.Now()
	for turn, before := 0, -1; turn < lingerTurns && time.Since(began) < lingerMax; turn++ {
		riders, idle := q.boarded()
		if !idle || riders == before {
			return
		}
		before = riders
		runtime.Gosched()
	}
}

// boarded returns how many riders the next trip has, and whether nothing is under way but the trip that has come back.
func (q *queue) boarded() (riders int, idle bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next != nil {
		riders = q.next.riders
	}
	return riders, q.under == 1 && len(q.line) == 0
}

// after learns from a trip that is over, and returns the one that leaves now, or nil.
func (q *queue) after(over *trip, o outcome) *trip {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lessons.of(o, time.Now())
	q.comes(over, o.bytes > 0)
	t := q.waiting()
	if t == nil {
		return nil
	}
	q.leaves(t)
	for more := q.waiting(); more != nil; more = q.waiting() { // others were overtaken too
		q.start(more)
	}
	return t
}

// waiting takes the trip that leaves when a request has come back, or returns nil. The caller holds the lock.
func (q *queue) waiting() *trip {
	if len(q.trips) >= underWayMax {
		return nil
	}
	if len(q.line) > 0 {
		t := q.line[0]
		q.line[0] = nil
		q.line = q.line[1:]
		return t
	}
	if q.next != nil && (q.under == 0 || q.late) {
		return q.take()
	}
	return nil
}

// back says that a read that went alone has ended, and learns from it.
func (q *queue) back(r Read, reply *pb.RangeResponse, took time.Duration, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lessons.came(r, reply, took, err)
	q.under--
	if t := q.waiting(); t != nil {
		q.start(t)
	}
}
