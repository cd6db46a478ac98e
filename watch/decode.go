// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"google.golang.org/protobuf/encoding/protowire"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// The wire types of the fields.
const (
	varint    = uint64(protowire.VarintType)
	delimited = uint64(protowire.BytesType)
)

// The tags of the fields that a response with events may have: number and wire type.
const (
	responseHeader   = 1<<3 | delimited
	responseWatchID  = 2<<3 | varint
	responseFragment = 7<<3 | varint
	responseEvent    = 11<<3 | delimited

	headerCluster  = 1<<3 | varint
	headerMember   = 2<<3 | varint
	headerRevision = 3<<3 | varint
	headerTerm     = 4<<3 | varint

	eventType = 1<<3 | varint
	eventPair = 2<<3 | delimited
	eventPrev = 3<<3 | delimited

	pairKey     = 1<<3 | delimited
	pairCreate  = 2<<3 | varint
	pairMod     = 3<<3 | varint
	pairVersion = 4<<3 | varint
	pairValue   = 5<<3 | delimited
	pairLease   = 6<<3 | varint
)

// decode is proto.Unmarshal for a response with events, in less time and with few objects (slab.go). A client that follows a watch
// spends most of its time there. decode reports false for a response without events, a malformed one, and one with unknown
// fields. Then r is undefined, and proto.Unmarshal must do the work.
func decode(data []byte, r *pb.WatchResponse) bool {
	events := 0
	for rest := data; len(rest) > 0; {
		var f field
		if f, rest = next(rest); f.tag == responseEvent {
			events++
		}
	}
	if events == 0 {
		return false
	}
	r.Events = make([]*mvccpb.Event, 0, events)
	var shared slab
	for len(data) > 0 {
		var f field
		f, data = next(data)
		switch f.tag {
		case responseHeader:
			if r.Header != nil {
				return false // proto.Unmarshal merges two headers
			}
			r.Header = &pb.ResponseHeader{}
			if !decodeHeader(f.bytes, r.Header) {
				return false
			}
		case responseWatchID:
			r.WatchId = int64(f.number)
		case responseFragment:
			r.Fragment = protowire.DecodeBool(f.number)
		case responseEvent:
			shared.rest = len(f.bytes) + len(data)
			made := shared.record(events-len(r.Events), len(f.bytes))
			if !decodeEvent(f.bytes, made, &shared) {
				return false
			}
			r.Events = append(r.Events, &made.event)
		default:
			return false
		}
	}
	return true
}

func decodeHeader(data []byte, h *pb.ResponseHeader) bool {
	for len(data) > 0 {
		var f field
		f, data = next(data)
		switch f.tag {
		case headerCluster:
			h.ClusterId = f.number
		case headerMember:
			h.MemberId = f.number
		case headerRevision:
			h.Revision = int64(f.number)
		case headerTerm:
			h.RaftTerm = f.number
		default:
			return false
		}
	}
	return true
}

func decodeEvent(data []byte, made *record, shared *slab) bool {
	for len(data) > 0 {
		var f field
		f, data = next(data)
		switch f.tag {
		case eventType:
			made.event.Type = mvccpb.Event_EventType(f.number)
		case eventPair:
			if made.event.Kv != nil || !decodePair(f.bytes, &made.pair, shared) {
				return false
			}
			made.event.Kv = &made.pair
		case eventPrev:
			if made.event.PrevKv != nil {
				return false
			}
			made.event.PrevKv = &mvccpb.KeyValue{}
			if !decodePair(f.bytes, made.event.PrevKv, shared) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func decodePair(data []byte, p *mvccpb.KeyValue, shared *slab) bool {
	var key, value []byte
	for len(data) > 0 {
		var f field
		f, data = next(data)
		switch f.tag {
		case pairKey:
			key = f.bytes
		case pairCreate:
			p.CreateRevision = int64(f.number)
		case pairMod:
			p.ModRevision = int64(f.number)
		case pairVersion:
			p.Version = int64(f.number)
		case pairValue:
			value = f.bytes
		case pairLease:
			p.Lease = int64(f.number)
		default:
			return false
		}
	}
	p.Key, p.Value = shared.copies(key, value)
	return true
}

// field is a number, or bytes, with its tag. Tag 0, which no field has, stands for a malformed field or one of another type.
type field struct {
	tag    uint64
	number uint64
	bytes  []byte
}

// next decodes the first field of data, and returns the rest of data.
func next(data []byte) (f field, rest []byte) {
	if f.tag, data = number(data); data == nil {
		return field{}, nil
	}
	switch f.tag & 7 {
	case varint:
		if f.number, data = number(data); data == nil {
			return field{}, nil
		}
		return f, data
	case delimited:
		var n uint64
		if n, data = number(data); data == nil || n > uint64(len(data)) {
			return field{}, nil
		}
		f.bytes = data[:n:n]
		return f, data[n:]
	}
	return field{}, nil
}

// number decodes the varint at the beginning of data, and returns the rest of data: nil where there is none.
func number(data []byte) (v uint64, rest []byte) {
	if len(data) > 0 && data[0] < 0x80 {
		return uint64(data[0]), data[1:]
	}
	v, n := protowire.ConsumeVarint(data)
	if n < 0 {
		return 0, nil
	}
	return v, data[n:]
}
