// SPDX-License-Identifier: Apache-2.0

package fields

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

const (
	headerCluster  = 1<<3 | Varint
	headerMember   = 2<<3 | Varint
	headerRevision = 3<<3 | Varint
	headerTerm     = 4<<3 | Varint

	pairKey     = 1<<3 | Bytes
	pairCreate  = 2<<3 | Varint
	pairMod     = 3<<3 | Varint
	pairVersion = 4<<3 | Varint
	pairValue   = 5<<3 | Bytes
	pairLease   = 6<<3 | Varint
)

// Header fills in an empty header. It returns false for an unusual form, and h is undefined then.
func Header(data []byte, h *pb.ResponseHeader) bool {
	for at := 0; at < len(data); {
		tag, n, next := Next(data, at, len(data))
		switch tag {
		case headerCluster:
			h.ClusterId = n
		case headerMember:
			h.MemberId = n
		case headerRevision:
			h.Revision = int64(n)
		case headerTerm:
			h.RaftTerm = n
		default:
			return false
		}
		at = next
	}
	return true
}

// Pair fills in the numbers of an empty pair, and returns its key and value. They share the memory of data, and are nil where data has
// none. Pair returns false for an unusual form, and p is undefined then.
func Pair(data []byte, p *mvccpb.KeyValue) (key, value []byte, ok bool) {
	for at := 0; at < len(data); {
		tag, n, next := Next(data, at, len(data))
		switch tag {
		case pairKey:
			key, next = part(data, next, n)
		case pairCreate:
			p.CreateRevision = int64(n)
		case pairMod:
			p.ModRevision = int64(n)
		case pairVersion:
			p.Version = int64(n)
		case pairValue:
			value, next = part(data, next, n)
		case pairLease:
			p.Lease = int64(n)
		default:
			return nil, nil, false
		}
		if n == 0 && tag&7 == Bytes {
			return nil, nil, false // etcd leaves out what is empty
		}
		at = next
	}
	return key, value, true
}

// part returns n bytes, and the position after them. They cannot grow into what follows.
func part(data []byte, at int, n uint64) (bytes []byte, end int) {
	end = at + int(n)
	return data[at:end:end], end
}
