// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"google.golang.org/protobuf/encoding/protowire"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fields"
)

// Decoding and its allocations were the larger part of what a rider costs. An answer of one key has few forms, so decode needs two
// allocations for it where proto.Unmarshal needs six.

// record has all messages of an answer with one pair.
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

// decode fills in reply with an encoded RangeResponse and the header of the batch. It returns false if the answer has an unusual form,
// which is for proto.Unmarshal then.
func decode(data []byte, header *pb.ResponseHeader, reply *pb.RangeResponse) bool {
	reply.Reset()
	var made *record
	for at := 0; at < len(data); {
		tag, n, next := fields.Next(data, at, len(data))
		var body []byte
		if tag&7 == fields.Bytes {
			body = data[next : next+int(n)]
			next += int(n)
		}
		at = next
		switch tag {
		case answerHeader: // the header of the batch replaces it
			var own pb.ResponseHeader
			if !fields.Header(body, &own) {
				return false
			}
		case answerPair:
			if made != nil {
				return false // proto.Unmarshal knows several pairs
			}
			made = &record{}
			key, value, ok := fields.Pair(body, &made.pair)
			if !ok {
				return false
			}
			made.pair.Key, made.pair.Value = copied(key, value)
			made.pairs[0] = &made.pair
			reply.Kvs = made.pairs[:]
		case answerMore:
			reply.More = protowire.DecodeBool(n)
		case answerCount:
			reply.Count = int64(n)
		default:
			return false
		}
	}
	if made == nil {
		reply.Header = &pb.ResponseHeader{}
	} else {
		reply.Header = &made.header
	}
	copyHeader(reply.Header, header)
	return true
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
