// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"google.golang.org/protobuf/encoding/protowire"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fields"
)

// Decoding and its allocations were the larger part of what a rider costs. An answer of one key has few forms, so decode needs two
// allocations for it where proto.Unmarshal needs six, and one more for a long value.

// response is an answer together with all messages of one with one pair.
type response struct {
	answer pb.RangeResponse
	record
}

type record struct {
	header pb.ResponseHeader
	pair   mvccpb.KeyValue
	pairs  [1]*mvccpb.KeyValue
}

// jointMax is the longest value that shares its memory with its key. A caller that keeps a key keeps the value as well.
const jointMax = 1 << 10

// The tags of the fields that an answer may have: number and wire type.
const (
	answerHeader = 1<<3 | fields.Bytes
	answerPair   = 2<<3 | fields.Bytes
	answerMore   = 3<<3 | fields.Varint
	answerCount  = 4<<3 | fields.Varint
)

// decode returns an encoded RangeResponse, in reply unless that is nil. A header that is not nil, which is that of a batch, replaces its own.
// It returns nil if the answer has an unusual form, which is for proto.Unmarshal then.
func decode(data []byte, header *pb.ResponseHeader, reply *pb.RangeResponse) *pb.RangeResponse {
	var room *record
	if reply == nil {
		made := &response{}
		reply, room = &made.answer, &made.record
	} else {
		reply.Reset()
		room = &record{}
	}
	for at := 0; at < len(data); {
		tag, n, next := fields.Next(data, at, len(data))
		var body []byte
		if tag&7 == fields.Bytes {
			body = data[next : next+int(n)]
			next += int(n)
		}
		at = next
		switch tag {
		case answerHeader:
			if reply.Header != nil || !fields.Header(body, &room.header) {
				return nil
			}
			reply.Header = &room.header
		case answerPair:
			if reply.Kvs != nil {
				return nil // proto.Unmarshal knows several pairs
			}
			own := room
			if len(body) > jointMax {
				own = &record{} // a caller that keeps the header does not keep the value
			}
			key, value, ok := fields.Pair(body, &own.pair)
			if !ok {
				return nil
			}
			own.pair.Key, own.pair.Value = copied(key, value)
			own.pairs[0] = &own.pair
			reply.Kvs = own.pairs[:]
		case answerMore:
			reply.More = protowire.DecodeBool(n)
		case answerCount:
			reply.Count = int64(n)
		default:
			return nil
		}
	}
	if header != nil {
		reply.Header = &room.header
		copyHeader(reply.Header, header)
	}
	return reply
}

func copyHeader(to, from *pb.ResponseHeader) {
	to.ClusterId, to.MemberId, to.Revision, to.RaftTerm = from.ClusterId, from.MemberId, from.Revision, from.RaftTerm
}

// copied returns copies, since all riders have the memory of the answer. Neither can grow into the other.
func copied(key, value []byte) (k, v []byte) {
	if len(value) == 0 || len(key) == 0 || len(value) > jointMax {
		return append([]byte(nil), key...), append([]byte(nil), value...)
	}
	both := make([]byte, len(key)+len(value))
	n := copy(both, key)
	copy(both[n:], value)
	return both[:n:n], both[n:]
}
