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
	kept    bool // it serves other trips
}

var loads = sync.Pool{New: func() any { return newLoad(true) }}

func newLoad(kept bool) *load { return &load{at: map[uint64]int{}, kept: kept} }

// loadOf returns a load, which serves other trips if private says that nobody else can have its messages.
func loadOf(private bool) *load {
	if private {
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
		if !l.kept {
			op = bytes.Clone(op) // the seats serve other riders
		}
		at = len(l.request.Success)
		l.at[hash] = at
		l.request.Success = append(l.request.Success, op)
	}
	return at
}

// free gives the load to another trip.
func (l *load) free() {
	if !l.kept {
		return
	}
	clear(l.request.Success) // the operations belong to the riders
	l.request.Success = l.request.Success[:0]
	clear(l.at)
	l.of = l.of[:0]
	l.answers.free()
	loads.Put(l)
}
