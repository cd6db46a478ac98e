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
	request batchpb.Reads     // equal operations are sent once
	places  [2 * opsMax]uint8 // a hash table of them: 1 more than where one is, or 0
	of      []int             // for each rider, which answer is its own; -1 for those who had left before the trip did
	answers Answers
	reused  bool // it serves other trips
}

// loads are those that no trip uses.
var loads = sync.Pool{New: func() any { return newLoad(true) }}

func newLoad(reused bool) *load { return &load{reused: reused} }

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
	place := maphash.Bytes(seed, op) % uint64(len(l.places))
	for ; l.places[place] != 0; place = (place + 1) % uint64(len(l.places)) {
		if at := int(l.places[place]) - 1; string(l.request.Success[at]) == string(op) {
			return at
		}
	}
	if !l.reused {
		op = bytes.Clone(op) // the seats serve other riders
	}
	l.request.Success = append(l.request.Success, op)
	l.places[place] = uint8(len(l.request.Success))
	return len(l.request.Success) - 1
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
	clear(l.places[:])
	l.of = l.of[:0]
	l.answers.free()
}
