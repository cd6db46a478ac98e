// SPDX-License-Identifier: Apache-2.0

package watch

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

const (
	// together is how many events of a response share an allocation, and sharing how many bytes of theirs do. Few allocations
	// cost little, but a program that keeps one event keeps all that it shares memory with: the eight of its group, none of them larger than sharing.
	together = 8
	sharing  = 1 << 10
	// An event that is larger than small shares its bytes with no other one, so that little of an allocation stays unused.
	small = sharing / 4
)

// record is an event and its pair.
type record struct {
	event mvccpb.Event
	pair  mvccpb.KeyValue
}

// single is all that a response with one event needs, but for its bytes. While a watch is in step, nearly each response has one.
type single struct {
	header pb.ResponseHeader
	events [1]*mvccpb.Event
	record [1]record
}

// slab makes the records of a response, and memory for their keys and values, with few allocations. It counts what it has given away,
// because to shorten a slice would write a pointer, which costs more while the garbage collector is at work.
type slab struct {
	left    int // how many events are to come
	records []record
	given   int // of the records
	before  []mvccpb.KeyValue
	gone    int // of those before
	bytes   []byte
	used    int // of the bytes
}

// response returns an empty header, and room for the events of a response of size bytes. It is called first.
func (s *slab) response(size int) (events []*mvccpb.Event, header *pb.ResponseHeader) {
	if s.left == 1 && size <= sharing { // a program that keeps a header does not keep a large value
		made := &single{}
		s.records = made.record[:]
		return made.events[:0], &made.header
	}
	return make([]*mvccpb.Event, 0, s.left), &pb.ResponseHeader{}
}

// record returns an empty record for the next event, which has size bytes.
func (s *slab) record(size int) *record {
	s.left--
	if size > sharing {
		return new(record) // otherwise a small event that is kept would keep this one, of any size
	}
	if s.given == len(s.records) {
		s.records, s.given = make([]record, min(s.left+1, together)), 0
	}
	s.given++
	return &s.records[s.given-1]
}

// previous returns an empty pair for the event at hand, which has size bytes.
func (s *slab) previous(size int) *mvccpb.KeyValue {
	if size > sharing {
		return new(mvccpb.KeyValue)
	}
	if s.gone == len(s.before) {
		s.before, s.gone = make([]mvccpb.KeyValue, min(s.left+1, together)), 0
	}
	s.gone++
	return &s.before[s.gone-1]
}

// memory returns memory for the size bytes of an event, at most sharing. rest is how many bytes are to come, with these.
func (s *slab) memory(size, rest int) []byte {
	if size > small {
		return make([]byte, size)
	}
	if size > len(s.bytes)-s.used {
		s.bytes, s.used = make([]byte, min(sharing, rest)), 0
	}
	s.used += size
	return s.bytes[s.used-size : s.used : s.used]
}
