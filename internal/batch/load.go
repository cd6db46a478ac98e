// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"hash/maphash"
	"sync"

	"github.com/eetcd-go/eetcd/gen/batchpb"
)

// load is what a trip takes and brings. It is most of the memory that a trip needs, so it serves one trip after another.
type load struct {
	request batchpb.Reads  // equal operations are sent once
	at      map[uint64]int // where the operation with this hash is
	of      []int          // for each rider, which answer is its own; -1 for those who had left before the trip did
	answers Answers
	reused  bool // it serves other trips
}

// loads are those that no trip uses.
var loads = sync.Pool{New: func() any { return newLoad(true) }}

func newLoad(reused bool) *load { return &load{at: map[uint64]int{}, reused: reused} }

// loadOf returns the load of a trip.
func loadOf(reused bool) *load {
	if reused {
		return loads.Get().(*load)
	}
	return newLoad(false)
}

var seed = maphash.MakeSeed()

// add takes an operation, and returns where it is.
func (l *load) add(op []byte) int {
	hash := maphash.Bytes(seed, op)
	at, sent := l.at[hash]
	if !sent || string(l.request.Success[at]) != string(op) {
		if !l.reused {
			op = bytes.Clone(op) // the seats serve other riders
		}
		at = len(l.request.Success)
		l.at[hash] = at
		l.request.Success = append(l.request.Success, op)
	}
	return at
}

// free gives the load to another trip, if it may serve one.
func (l *load) free() {
	if !l.reused {
		return
	}
	l.empty()
	loads.Put(l)
}

// empty makes the load as good as new, and keeps its room.
func (l *load) empty() {
	clear(l.request.Success) // the operations belong to the riders
	l.request.Success = l.request.Success[:0]
	clear(l.at)
	l.of = l.of[:0]
	l.answers.free()
}
