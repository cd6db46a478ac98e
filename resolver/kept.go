// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"maps"
	"slices"
	"time"
)

// lookEvery is the time between two looks for a connection that is not open, or not in step with etcd. A look costs no more than one
// in a map.
const lookEvery = 250 * time.Millisecond

// kept are instances that vanished all at once, which gRPC keeps for a time. The time of each one runs only while the resolver is in
// step with etcd, because nobody can register during an outage. After an outage it begins anew.
type kept struct {
	time   time.Duration
	inStep func() (since time.Time, ok bool)
	since  map[string]time.Time // when they vanished, by address
	those  map[string]Instance
}

// add keeps instances from now on. The time of those that are kept already goes on.
func (k *kept) add(list []Instance) {
	if k.time <= 0 {
		return
	}
	if k.those == nil {
		k.since, k.those = map[string]time.Time{}, map[string]Instance{}
	}
	for _, i := range list {
		if _, already := k.those[i.Addr]; !already {
			k.since[i.Addr], k.those[i.Addr] = time.Now(), i
		}
	}
}

func (k *kept) drop(address string) {
	delete(k.since, address)
	delete(k.those, address)
}

// with returns a list with the instances that are kept at its end. Those that are in the list itself are back, so they are kept no
// longer.
func (k *kept) with(list []Instance) []Instance {
	for _, i := range list {
		k.drop(i.Addr)
	}
	for _, address := range slices.Sorted(maps.Keys(k.those)) {
		list = append(list, k.those[address])
	}
	return list
}

// expire drops the instances whose time has passed, and reports whether there were any. It returns when to look again, or 0 if
// nothing is kept.
func (k *kept) expire() (some bool, again time.Duration) {
	if len(k.those) == 0 {
		return false, 0
	}
	since, ok := k.inStep()
	if !ok {
		return false, lookEvery
	}
	for address, from := range k.since {
		if from.Before(since) {
			from = since
		}
		left := k.time - time.Since(from)
		switch {
		case left <= 0:
			k.drop(address)
			some = true
		case again == 0 || left < again:
			again = left
		}
	}
	return some, again
}
