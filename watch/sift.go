// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// widened is a range that has all keys of r in it and that no other watch has. It begins a hair before r does, where
// hardly any key lies; what does is sifted out. Nothing comes before a key of zeros only: false.
//
// etcd's proxy makes one watch at the server of several on equal ranges. It takes a watch that has been told a thousand
// revisions of a longer history for one that is in step, and moves it to another that is, so that the rest is never
// told. A range of its own keeps a watch out of that.
func widened(r *pb.WatchCreateRequest) (key, end []byte, ok bool) {
	key = bytes.TrimRight(r.Key, "\x00")
	if len(key) == 0 {
		return nil, nil, false
	}
	last := len(key) - 1
	key = append(bytes.Clone(key[:last]), key[last]-1, 0xff, 0xff, 0xff, 0xff)
	key = append(key, unique()...)
	end = r.RangeEnd
	if len(end) == 0 {
		end = append(bytes.Clone(r.Key), 0)
	}
	return key, end, true
}

// narrowed is the end of a range that no other watch has either, for a user who may watch nothing before r, and where nothing
// comes before it. It ends a hair before r does. What lies between is looked at now and then, see beyond.go. Single keys
// have no room for that: false.
func narrowed(r *pb.WatchCreateRequest) (end []byte, ok bool) {
	of := spanOf(r)
	if n := len(of.to); n > 0 {
		if of.to[n-1] == 0 {
			return nil, false
		}
		end = append([]byte(of.to[:n-1]), of.to[n-1]-1)
	}
	end = append(end, bytes.Repeat([]byte{0xff}, hair)...)
	end = append(end, unique()...)
	return end, string(end) > of.from
}

// hair is by how many bytes of 0xff a key is longer than the range's own prefix that the end of a narrowed range leaves out.
const hair = 64

// unique is the end of a key that nobody else has.
func unique() string {
	return string(binary.BigEndian.AppendUint64(nil, rand.Uint64()))
}

// sift removes from events what the reader has not asked for. Servers other than members are not asked for less, or do
// not care.
func sift(asked *pb.WatchCreateRequest, events []*mvccpb.Event) []*mvccpb.Event {
	return slices.DeleteFunc(events, func(e *mvccpb.Event) bool {
		if !asked.PrevKv {
			e.PrevKv = nil
		}
		return filtered(asked, e) || bytes.Compare(e.Kv.Key, asked.Key) < 0
	})
}

// filtered reports whether a filter of the request leaves an event out.
func filtered(asked *pb.WatchCreateRequest, e *mvccpb.Event) bool {
	filter := pb.WatchCreateRequest_NOPUT
	if e.Type == mvccpb.Event_DELETE {
		filter = pb.WatchCreateRequest_NODELETE
	}
	return slices.Contains(asked.Filters, filter)
}
