// SPDX-License-Identifier: Apache-2.0

package table

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// Each turn writes the same number to all keys of a group, or deletes all of them. A reader must never see the groups go back, nor two
// keys of one group apart by more than the turns that are published meanwhile.
func TestIndexShowsWholeTurns(t *testing.T) {
	const keys, turns = 64, 3000
	x := newIndex[uint64]()
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			var last uint64
			for !done.Load() {
				for range keys {
					r := x.get(fmt.Sprint(rand.IntN(keys)))
					if r == nil {
						continue
					}
					if r.turn < last {
						t.Errorf("turn %d comes after %d", r.turn, last)
						return
					}
					last = r.turn
				}
			}
		})
	}
	for turn := range uint64(turns) {
		var records []*record[uint64]
		for i := range keys {
			records = append(records, &record[uint64]{
				entry: Entry[uint64]{Key: fmt.Sprint(i), Value: turn}, gone: turn%7 == 3, shown: turn%7 != 3,
			})
		}
		// Keys that come and go make the slots be rebuilt.
		records = append(records, &record[uint64]{entry: Entry[uint64]{Key: fmt.Sprint("new", turn)}, shown: true})
		if turn > 0 {
			records = append(records, &record[uint64]{entry: Entry[uint64]{Key: fmt.Sprint("new", turn-1)}, gone: true})
		}
		for _, r := range records {
			x.put(r)
		}
		x.publish()
		x.tidy(records)
	}
	done.Store(true)
	readers.Wait()
	if n := len(*x.slots.Load()); n > 1024 {
		t.Errorf("%d keys have %d slots", keys, n)
	}
}

func TestIndexFindsWhatAMapHas(t *testing.T) {
	x, want := newIndex[int](), map[string]int{}
	for i := range 20_000 {
		key := fmt.Sprint(rand.IntN(3000))
		r := &record[int]{entry: Entry[int]{Key: key, Value: i}, shown: true}
		if want[key] = i; i%3 == 0 {
			r.gone, r.shown = true, false
			delete(want, key)
		}
		x.put(r)
		x.publish()
		x.tidy([]*record[int]{r})
	}
	for i := range 3000 {
		key := fmt.Sprint(i)
		r := x.get(key)
		value, there := want[key]
		if got := r != nil && r.shown; got != there || there && r.entry.Value != value {
			t.Errorf("%s: %v, want %d, %v", key, r, value, there)
		}
	}
}

func TestIndexOfATableThatHasShrunkIsSmall(t *testing.T) {
	const keys = 10_000
	x := newIndex[int]()
	var there, gone []*record[int]
	for i := range keys {
		key := fmt.Sprint(i)
		there = append(there, &record[int]{entry: Entry[int]{Key: key}, shown: true})
		gone = append(gone, &record[int]{entry: Entry[int]{Key: key}, gone: true})
	}
	for _, turn := range [][]*record[int]{there, gone[:keys-1]} {
		for _, r := range turn {
			x.put(r)
		}
		x.publish()
		x.tidy(turn)
	}
	if n := len(*x.slots.Load()); n > 4*slotsMin {
		t.Errorf("one key has %d slots", n)
	}
	if r := x.get(fmt.Sprint(keys - 1)); !r.isShown() {
		t.Errorf("the key that is left is %+v", r)
	}
}
