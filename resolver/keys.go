// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"cmp"
	"hash/maphash"
	"iter"
	"maps"
	"slices"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// keys is a copy of the keys of a service. The goroutine of the follower reads steps, and applies them under the lock of shown. So it
// may read the entries without that lock, and others with it.
type keys struct {
	options *options
	listing []*mvccpb.Event // of a list that is not complete yet

	entries map[string]entry // nil before the first list
	there   int              // entries with an instance
	skipped int              // entries whose last value was skipped
}

// turn is what a whole step makes of the keys.
type turn struct {
	changes []change
	rewound bool // the keys are of another history than before
}

// change is what is registered under a key now.
type change struct {
	key string
	entry
	gone bool // nothing is
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

// read returns the turn of a step. It reports false if there is none: more of a list follows, or nothing has changed. It calls the
// functions of the program, so it holds no lock.
func (k *keys) read(step follow.Step) (t turn, whole bool) {
	if step.Part > 0 {
		if step.Part == 1 {
			k.listing = nil
		}
		if k.listing = append(k.listing, step.Events...); step.More {
			return turn{}, false
		}
		step.Events, k.listing = k.listing, nil
	}
	t = turn{changes: make([]change, 0, len(step.Events)), rewound: step.Rewound}
	for _, event := range step.Events {
		c := change{key: string(event.GetKv().GetKey()), gone: event.GetType() == mvccpb.Event_DELETE}
		if !c.gone {
			c.entry = k.entryOf(c.key, event.GetKv())
		}
		t.changes = append(t.changes, c)
	}
	return t, step.Part > 0 || len(step.Events) > 0
}

// entryOf returns the entry of a key with a new value. If the value is skipped, it has no instance.
func (k *keys) entryOf(key string, pair *mvccpb.KeyValue) entry {
	mod := pair.GetModRevision()
	i, err := k.options.read(pair)
	if err != nil {
		logger.Warningf("%q is skipped: %v", key, err)
		k.options.skipped(key, err)
		return entry{mod: mod, err: err}
	}
	return entry{mod: mod, rev: mod, instance: i, order: maphash.String(order, i.Addr), there: true}
}

// apply carries out a turn.
func (k *keys) apply(t turn) {
	if k.entries == nil || t.rewound { // an instance of another history is not the last one of its key
		k.entries, k.there, k.skipped = map[string]entry{}, 0, 0
	}
	for _, c := range t.changes {
		last := k.entries[c.key]
		k.count(last, -1)
		if c.gone {
			delete(k.entries, c.key)
			continue
		}
		if c.err != nil { // the key keeps its last instance
			last.mod, last.err = c.mod, c.err
			c.entry = last
		}
		k.entries[c.key] = c.entry
		k.count(c.entry, 1)
	}
}

func (k *keys) count(e entry, n int) {
	if e.there {
		k.there += n
	}
	if e.err != nil {
		k.skipped += n
	}
}

// order is the seed of the order of addresses. It is another one in each process, and the same for all its lists.
var order = maphash.MakeSeed()

// instances returns one instance for each address, and the number of keys whose last value was skipped. Of several keys with one
// address, the key with the newest instance counts.
func (k *keys) instances() (list []Instance, skipped int) {
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
