// SPDX-License-Identifier: Apache-2.0

package table

import (
	"maps"
	"slices"

	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// reader is a loop over the changes of a table.
type reader[V any] struct {
	since noted[V] // its last change; the lock of the replica's turns guards it
	// Lists since the last change. They are the loop's own.
	resync, rewound bool
}

// noted is what has happened since a reader was told of it, and the table afterwards.
type noted[V any] struct {
	told    map[string]*record[V] // what the reader was told last of each key that has changed
	resync  bool                  // the range was listed again
	rewound bool                  // and the list was of another history
	now     Snapshot[V]
}

// note notes that the record of a key changes. A key that the reader has not been told of is forgotten when it is gone.
func (r *reader[V]) note(key string, old, now *record[V]) {
	told, noted := r.since.told[key]
	if !noted {
		told = old
	}
	if !told.isShown() && !now.shown {
		delete(r.since.told, key)
	} else {
		r.since.told[key] = told
	}
}

// listed notes a list.
func (r *reader[V]) listed(step follow.Step) {
	r.since.resync = r.since.resync || step.Resync
	r.since.rewound = r.since.rewound || step.Rewound
}

// take returns what is noted, and begins anew. now returns the table.
func (r *reader[V]) take(now func() Snapshot[V]) noted[V] {
	n := r.since
	r.since.resync, r.since.rewound = false, false
	if len(n.told) > 0 {
		n.now = now()
		r.since.told = map[string]*record[V]{}
	} else {
		n.told = nil // the map stays the reader's
	}
	return n
}

// news returns what is to be told, in the order of the keys.
func (r *reader[V]) news(n noted[V]) (changes []Change[V]) {
	r.resync, r.rewound = r.resync || n.resync, r.rewound || n.rewound
	for _, key := range slices.Sorted(maps.Keys(n.told)) {
		change := Change[V]{Old: n.told[key].of(), New: n.now.record(key).of(), Rev: n.now.rev, Resync: r.resync}
		same := change.Old != nil && change.New != nil && change.Old.ModRev == change.New.ModRev && !r.rewound
		if (change.Old != nil || change.New != nil) && !same {
			changes = append(changes, change)
		}
	}
	if len(changes) > 0 {
		r.resync, r.rewound = false, false
	}
	return changes
}
