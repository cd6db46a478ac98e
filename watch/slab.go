// SPDX-License-Identifier: Apache-2.0

package watch

import "github.com/eetcd-go/eetcd/gen/mvccpb"

const (
	// together is how many events of a response share an allocation, and sharing how many bytes of their keys and values do. Few
	// allocations cost little, but a program that keeps one event keeps all that it shares memory with: the eight of its group, none of them larger than sharing.
	together = 8
	sharing  = 1 << 10
	// A key with its value that is larger than small shares with no other pair, so that little of an allocation stays unused.
	small = sharing / 4
)

// record is an event and its pair.
type record struct {
	event mvccpb.Event
	pair  mvccpb.KeyValue
}

// slab makes the records of a response, and copies keys and values, with few allocations.
type slab struct {
	records []record
	bytes   []byte
	rest    int // how many bytes of the response are to come, with the event at hand
}

// record returns an empty record for an event of so many bytes. left is how many events of the response are to come, with this one.
func (s *slab) record(left, size int) *record {
	if size > sharing {
		return new(record) // otherwise a small event that is kept would keep this one, of any size
	}
	if len(s.records) == 0 {
		s.records = make([]record, min(left, together))
	}
	made := &s.records[0]
	s.records = s.records[1:]
	return made
}

// copies returns copies of a key and its value. A copy of nothing is nil.
func (s *slab) copies(key, value []byte) ([]byte, []byte) {
	n := len(key) + len(value)
	switch {
	case n > sharing:
		return append([]byte(nil), key...), append([]byte(nil), value...)
	case n > small:
		return split(make([]byte, n), key, value)
	}
	if n > len(s.bytes) {
		s.bytes = make([]byte, max(n, min(sharing, s.rest)))
	}
	both := s.bytes[:n]
	s.bytes = s.bytes[n:]
	return split(both, key, value)
}

// split copies a key and its value to the two parts of both.
func split(both, key, value []byte) (k, v []byte) {
	n := copy(both, key)
	if n > 0 {
		k = both[:n:n]
	}
	if copy(both[n:], value) > 0 {
		v = both[n:len(both):len(both)]
	}
	return k, v
}
