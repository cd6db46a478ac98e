// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"google.golang.org/protobuf/encoding/protowire"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
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

// decode fills in reply with an encoded RangeResponse and the header of the batch. It returns false if the answer has an unusual form,
// which is for proto.Unmarshal then.
func decode(data []byte, header *pb.ResponseHeader, reply *pb.RangeResponse) bool {
	reply.Reset()
	var made *record
	for len(data) > 0 {
		f, n := next(data)
		if n < 0 {
			return false
		}
		data = data[n:]
		switch {
		case f.is(1, protowire.BytesType): // the header of the batch replaces it
			if !numbers(f.bytes) {
				return false
			}
		case f.is(2, protowire.BytesType):
			if made != nil {
				return false // proto.Unmarshal knows several pairs
			}
			made = &record{}
			if !decodePair(f.bytes, &made.pair) {
				return false
			}
			made.pairs[0] = &made.pair
			reply.Kvs = made.pairs[:]
		case f.is(3, protowire.VarintType):
			reply.More = protowire.DecodeBool(f.number)
		case f.is(4, protowire.VarintType):
			reply.Count = int64(f.number)
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

// numbers reports whether a message has the fields of a header, which are numbers.
func numbers(data []byte) bool {
	for len(data) > 0 {
		f, n := next(data)
		if n < 0 || f.typ != protowire.VarintType || f.num < 1 || f.num > 4 {
			return false
		}
		data = data[n:]
	}
	return true
}

func copyHeader(to, from *pb.ResponseHeader) {
	to.ClusterId, to.MemberId, to.Revision, to.RaftTerm = from.ClusterId, from.MemberId, from.Revision, from.RaftTerm
}

func decodePair(data []byte, pair *mvccpb.KeyValue) bool {
	var key, value []byte
	for len(data) > 0 {
		f, n := next(data)
		if n < 0 {
			return false
		}
		data = data[n:]
		switch {
		case f.is(1, protowire.BytesType) && len(f.bytes) > 0:
			key = f.bytes
		case f.is(2, protowire.VarintType):
			pair.CreateRevision = int64(f.number)
		case f.is(3, protowire.VarintType):
			pair.ModRevision = int64(f.number)
		case f.is(4, protowire.VarintType):
			pair.Version = int64(f.number)
		case f.is(5, protowire.BytesType) && len(f.bytes) > 0:
			value = f.bytes
		case f.is(6, protowire.VarintType):
			pair.Lease = int64(f.number)
		default:
			return false
		}
	}
	pair.Key, pair.Value = copied(key, value)
	return true
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

// field is one field of a message.
type field struct {
	num    protowire.Number
	typ    protowire.Type
	number uint64 // of a varint
	bytes  []byte
}

func (f *field) is(num protowire.Number, typ protowire.Type) bool {
	return f.num == num && f.typ == typ
}

// next returns the first field of data and its length, which is negative where there is none that an answer may have.
func next(data []byte) (f field, n int) {
	tag, n := protowire.ConsumeVarint(data)
	if n < 0 || tag > 1<<10 {
		return f, -1
	}
	f.num, f.typ = protowire.DecodeTag(tag)
	m := -1
	switch f.typ {
	case protowire.VarintType:
		f.number, m = protowire.ConsumeVarint(data[n:])
	case protowire.BytesType:
		f.bytes, m = protowire.ConsumeBytes(data[n:])
	}
	if m < 0 {
		return f, -1
	}
	return f, n + m
}
