// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"iter"
	"time"
)

// Renewal is a renewal of a lease that a server has acknowledged.
type Renewal struct {
	Sent     time.Time // when it was sent
	Until    time.Time // until when the lease is valid by it: Sent plus the TTL
	Revision int64     // of the store when the server acknowledged it
}

// Renewals returns the acknowledged renewals of the lease: first the last one, at once, and then each as it comes. A
// reader that is slow misses all but the newest, and holds up nothing. The sequence ends with the Keeper. Every range
// over it is a reader of its own, and nothing is kept where nobody reads.
func (k *Keeper) Renewals() iter.Seq[Renewal] {
	return func(yield func(Renewal) bool) {
		var told Renewal
		for !k.over() {
			last, next := k.lease.after(told)
			if last != told {
				if told = last; !yield(told) {
					return
				}
				continue
			}
			select {
			case <-next:
			case <-k.Done():
			}
		}
	}
}

// over reports whether the Keeper has ended.
func (k *Keeper) over() bool {
	select {
	case <-k.Done():
		return true
	default:
		return false
	}
}

// after returns the last renewal or, where that is the one that was told, a channel that the next one closes.
func (l *held) after(told Renewal) (last Renewal, next <-chan struct{}) {
	r := l.renewer
	r.hub.lock()
	defer r.hub.unlock()
	until := r.epoch.Add(time.Duration(l.validUntil.Load()))
	last = Renewal{Sent: until.Add(-time.Duration(l.ttl.Load())), Until: until, Revision: l.revision}
	if last != told {
		return last, nil
	}
	renewed := make(chan struct{})
	l.waiting = append(l.waiting, renewed)
	return last, renewed
}
