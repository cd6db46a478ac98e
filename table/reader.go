// SPDX-License-Identifier: Apache-2.0

package table

import (
	"maps"
	"slices"

	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// reader is a loop over the changes of a table. The lock of the replica's turns guards it.
type reader[V any] struct {
	told    map[string]*record[V] // what the reader was told last of each key that has changed since
	resync  bool                  // the range was listed again since
	rewound bool                  // and the list was of another history
}

// note notes that the record of a key changes. A key that the reader has not been told of is forgotten when it is gone.
func (r *reader[V]) note(key string, old, now *record[V]) {
	told, noted := r.told[key]
	if !noted {
		told = old
	}
	if !told.isShown() && !now.shown {
		delete(r.told, key)
	} else {
		r.told[key] = told
	}
}

// listed notes a list.
func (r *reader[V]) listed(step follow.Step) {
	r.resync = r.resync || step.Resync
	r.rewound = r.rewound || step.Rewound
}

// news returns what is to be told, in the order of the keys, and takes it as told. now returns the record of a key.
func (r *reader[V]) news(rev int64, now func(key string) *record[V]) (changes []Change[V]) {
	for _, key := range slices.Sorted(maps.Keys(r.told)) {
		change := Change[V]{Old: r.told[key].of(), New: now(key).of(), Rev: rev, Resync: r.resync}
		same := change.Old != nil && change.New != nil && change.Old.ModRev == change.New.ModRev && !r.rewound
		if (change.Old != nil || change.New != nil) && !same {
			changes = append(changes, change)
		}
	}
	clear(r.told)
	if len(changes) > 0 {
		r.resync, r.rewound = false, false
	}
	return changes
}
