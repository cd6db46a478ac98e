// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fields"
)

// The tags of the fields that a response with events may have: number and wire type.
const (
	responseHeader   = 1<<3 | fields.Bytes
	responseWatchID  = 2<<3 | fields.Varint
	responseFragment = 7<<3 | fields.Varint
	responseEvent    = 11<<3 | fields.Bytes

	eventType = 1<<3 | fields.Varint
	eventPair = 2<<3 | fields.Bytes
	eventPrev = 3<<3 | fields.Bytes
)

// decode is proto.Unmarshal for a response with events, in less time and with few objects (slab.go). A client that follows a watch
// spends most of its time there. decode reports false for a response without events, a malformed one, and one with unknown
// fields or an event without a pair. Then r is undefined, and proto.Unmarshal must do the work.
func decode(data mem.BufferSlice, r *pb.WatchResponse) bool {
	rest := newChunks(data)
	events := countEvents(rest)
	if events == 0 {
		return false
	}
	defer rest.free()
	shared := slab{left: events}
	var header *pb.ResponseHeader
	r.Events, header = shared.response(rest.left)
	for rest.left > 0 {
		tag, n := rest.field()
		switch tag {
		case responseHeader:
			if r.Header != nil {
				return false // proto.Unmarshal merges two headers
			}
			r.Header = header
			if !fields.Header(rest.view(int(n)), header) {
				return false
			}
		case responseWatchID:
			r.WatchId = int64(n)
		case responseFragment:
			r.Fragment = protowire.DecodeBool(n)
		case responseEvent:
			e := decodeEvent(&rest, int(n), &shared)
			if e == nil {
				return false
			}
			r.Events = append(r.Events, e)
		default:
			return false
		}
	}
	return true
}

// countEvents returns how many events a response has, up to the first field that is malformed.
func countEvents(rest chunks) (events int) {
	for rest.left > 0 {
		tag, n := rest.field()
		if tag == responseEvent {
			events++
		}
		if tag == 0 {
			break
		}
		if tag&7 == fields.Bytes {
			rest.skip(int(n))
		}
	}
	return events
}

// decodeEvent decodes an event of size bytes, or returns nil. A small event is copied as a whole, once, and its keys and values are parts
// of that copy. A program that keeps a key may do without a large value, so a large event's are copied one by one.
func decodeEvent(rest *chunks, size int, shared *slab) *mvccpb.Event {
	made := shared.record(size)
	large := size > sharing
	var data []byte
	if large {
		data = rest.view(size)
	} else {
		data = shared.memory(size, rest.left)
		rest.copy(data)
	}
	for at := 0; at < len(data); {
		tag, n, next := fields.Next(data, at, len(data))
		var p *mvccpb.KeyValue
		switch {
		case tag == eventType:
			made.event.Type = mvccpb.Event_EventType(n)
			at = next
			continue
		case tag == eventPair && made.event.Kv == nil:
			p = &made.pair
			made.event.Kv = p
		case tag == eventPrev && made.event.PrevKv == nil:
			p = shared.previous(size)
			made.event.PrevKv = p
		default:
			return nil // proto.Unmarshal merges two pairs
		}
		at = next + int(n)
		key, value, ok := fields.Pair(data[next:at], p)
		if !ok {
			return nil
		}
		if large {
			key, value = append([]byte(nil), key...), append([]byte(nil), value...)
		}
		p.Key, p.Value = key, value
	}
	if made.event.Kv == nil {
		return nil
	}
	return &made.event
}
