// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"cmp"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// keys is a copy of the keys of a service. One goroutine applies steps, and others may read instances.
type keys struct {
	options *options
	listing []*mvccpb.Event // of a list that is not complete yet

	mu      sync.Mutex // held to change what follows
	entries map[string]entry
	there   int // entries with an instance
	skipped int // entries whose last value was skipped
}

// entry is what is registered under a key.
type entry struct {
	mod      int64 // revision of the last put
	rev      int64 // revision of the put of the instance
	instance Instance
	order    uint64 // of the address
	there    bool   // there is an instance
	err      error  // why the last value was skipped
}

// known returns the keys as package follow wants them.
func (k *keys) known() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for _, key := range slices.Sorted(maps.Keys(k.entries)) {
			if !yield(key, k.entries[key].mod) {
				return
			}
		}
	}
}

// apply carries out a step. It reports whether the copy shows a revision now that it has not shown before.
func (k *keys) apply(step follow.Step) bool {
	if step.Part > 0 {
		if step.Part == 1 {
			k.listing = nil
		}
		if k.listing = append(k.listing, step.Events...); step.More {
			return false
		}
		step.Events, k.listing = k.listing, nil
	}
	if k.entries == nil || step.Rewound { // an instance of another history is not the last one of its key
		k.replace(map[string]entry{})
	}
	for _, event := range step.Events {
		key := string(event.GetKv().GetKey())
		if event.GetType() == mvccpb.Event_DELETE {
			k.set(key, nil)
			continue
		}
		e := k.put(key, event.GetKv())
		k.set(key, &e)
	}
	return step.Part > 0 || len(step.Events) > 0
}

// put returns the entry of a key with a new value.
func (k *keys) put(key string, pair *mvccpb.KeyValue) entry {
	mod := pair.GetModRevision()
	i, err := k.options.read(pair)
	if err == nil {
		return entry{mod: mod, rev: mod, instance: i, order: maphash.String(order, i.Addr), there: true}
	}
	logger.Warningf("%q is skipped: %v", key, err)
	k.options.skipped(key, err)
	last := k.entries[key]
	last.mod, last.err = mod, err
	return last
}

// set replaces the entry of a key. With nil it removes it.
func (k *keys) set(key string, e *entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.count(k.entries[key], -1)
	if e == nil {
		delete(k.entries, key)
		return
	}
	k.entries[key] = *e
	k.count(*e, 1)
}

func (k *keys) count(e entry, n int) {
	if e.there {
		k.there += n
	}
	if e.err != nil {
		k.skipped += n
	}
}

func (k *keys) replace(entries map[string]entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries, k.there, k.skipped = entries, 0, 0
	for _, e := range entries {
		k.count(e, 1)
	}
}

// empty reports whether no instance is registered.
func (k *keys) empty() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.there == 0
}

// order is the seed of the order of addresses. It is another one in each process, and the same for all its lists.
var order = maphash.MakeSeed()

// instances returns one instance for each address, and the number of keys whose last value was skipped. Of several keys with one
// address, the key with the newest instance counts.
func (k *keys) instances() (list []Instance, skipped int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	type candidate struct {
		key string
		entry
	}
	newest := make(map[string]candidate, len(k.entries))
	for key, e := range k.entries {
		if !e.there {
			continue
		}
		now, some := newest[e.instance.Addr]
		if !some || cmp.Or(cmp.Compare(e.rev, now.rev), cmp.Compare(key, now.key)) > 0 {
			newest[e.instance.Addr] = candidate{key, e}
		}
	}
	sorted := slices.SortedFunc(maps.Values(newest), func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.instance.Addr, b.instance.Addr))
	})
	for _, c := range sorted {
		list = append(list, c.instance)
	}
	return list, k.skipped
}
