// SPDX-License-Identifier: Apache-2.0

package lease

import "time"

// queue is a heap of leases, the earliest first. Each lease stores its position, so that it can be moved and removed.
type queue struct {
	which int // of the two positions of a lease
	items []*held
}

// top returns the earliest lease and its time. It returns nil and never if the queue is empty.
func (q *queue) top() (*held, time.Duration) {
	if len(q.items) == 0 {
		return nil, never
	}
	return q.items[0], q.items[0].positions[q.which].at
}

// put adds a lease, or moves it if it is in the queue already.
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

// remove takes a lease out of the queue if it is there.
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

// up moves the lease at i towards the front until the order holds.
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

// down moves the lease at i towards the end until the order holds, and reports whether it moved.
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
