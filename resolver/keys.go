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

// keys is a copy of the keys of a service.
type keys struct {
	options *options
	entries map[string]entry
	listing []*mvccpb.Event // of a list that is not complete yet
}

// entry is what is registered under a key.
type entry struct {
	rev      int64 // of the last put
	instance Instance
	there    bool  // there is an instance
	err      error // why the last value was skipped
}

// known returns the keys as package follow wants them.
func (k *keys) known() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for _, key := range slices.Sorted(maps.Keys(k.entries)) {
			if !yield(key, k.entries[key].rev) {
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
	if k.entries == nil {
		k.entries = map[string]entry{}
	}
	for _, event := range step.Events {
		key := string(event.GetKv().GetKey())
		if event.GetType() == mvccpb.Event_DELETE {
			delete(k.entries, key)
			continue
		}
		k.entries[key] = k.put(key, event.GetKv())
	}
	return step.Part > 0 || len(step.Events) > 0
}

// put returns the entry of a key with a new value.
func (k *keys) put(key string, pair *mvccpb.KeyValue) entry {
	i, err := k.options.read(pair)
	if err == nil {
		return entry{rev: pair.GetModRevision(), instance: i, there: true}
	}
	logger.Warningf("%q is skipped: %v", key, err)
	k.options.onError(key, err)
	last := k.entries[key]
	last.rev, last.err = pair.GetModRevision(), err
	return last
}

// order sorts addresses. It is another one in each process, and the same for all its lists.
var order = maphash.MakeSeed()

// instances returns one instance for each address.
func (k *keys) instances() []Instance {
	newest := map[string]entry{}
	for _, e := range k.entries {
		if e.there && e.rev >= newest[e.instance.Addr].rev {
			newest[e.instance.Addr] = e
		}
	}
	list := make([]Instance, 0, len(newest))
	for _, e := range newest {
		list = append(list, e.instance)
	}
	slices.SortFunc(list, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(maphash.String(order, a.Addr), maphash.String(order, b.Addr)), cmp.Compare(a.Addr, b.Addr))
	})
	return list
}

// undecoded returns how many keys have a value that was skipped.
func (k *keys) undecoded() (n int) {
	for _, e := range k.entries {
		if e.err != nil {
			n++
		}
	}
	return n
}
