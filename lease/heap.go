// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"math"
	"time"
)

// never is when what is not to happen happens.
const never = time.Duration(math.MaxInt64)

// queue is a heap of leases, the earliest first. Each lease knows its places in the queues it may be in, of which there
// are two.
type queue struct {
	which int // of the two places of a lease
	items []*held
}

// position is the place of a lease in a queue.
type position struct {
	at    time.Duration
	index int32 // from 1 on; 0: not in the queue
}

// top returns the earliest lease and its time; nil and never where there is none.
func (q *queue) top() (*held, time.Duration) {
	if len(q.items) == 0 {
		return nil, never
	}
	return q.items[0], q.items[0].positions[q.which].at
}

// put adds a lease, or moves it if it is in the queue.
func (q *queue) put(l *held, at time.Duration) {
	p := &l.positions[q.which]
	p.at = at
	if p.index == 0 {
		q.items = append(q.items, l)
		p.index = int32(len(q.items))
	}
	i := int(p.index) - 1
	if !q.down(i) {
		q.up(i)
	}
}

// remove takes a lease out if it is in.
func (q *queue) remove(l *held) {
	i := int(l.positions[q.which].index) - 1
	if i < 0 {
		return
	}
	last := len(q.items) - 1
	q.swap(i, last)
	q.items[last] = nil
	q.items = q.items[:last]
	l.positions[q.which].index = 0
	if i < last && !q.down(i) {
		q.up(i)
	}
}

func (q *queue) less(i, j int) bool {
	return q.items[i].positions[q.which].at < q.items[j].positions[q.which].at
}

func (q *queue) swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.items[i].positions[q.which].index = int32(i + 1)
	q.items[j].positions[q.which].index = int32(j + 1)
}

func (q *queue) up(i int) {
	for i > 0 {
		above := (i - 1) / 2
		if !q.less(i, above) {
			return
		}
		q.swap(i, above)
		i = above
	}
}

// down reports whether the lease moved.
func (q *queue) down(i int) bool {
	began := i
	for {
		child := 2*i + 1
		if child >= len(q.items) {
			break
		}
		if child+1 < len(q.items) && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			break
		}
		q.swap(i, child)
		i = child
	}
	return i > began
}
