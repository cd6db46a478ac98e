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

// etcd's proxy makes one watch on the server out of several watches on equal ranges. It takes a watch that has got a thousand
// revisions of a longer history for one that is in step. It then joins it with another watch that is in step, and the rest of
// the history is lost. A watch whose range is no other watch's is not joined.

// widened returns a range that contains the range of r and that no other watch has. It begins a little before r, where hardly
// any key lies. Events of such keys are sifted out. ok is false where r begins at the very first key.
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

// narrowed returns the end of a range that no other watch has, where r cannot be widened. It ends a little before r does. The
// keys that it leaves out are looked for now and then: see beyond.go. ok is false for a single key, which cannot be narrowed.
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

// hair is how many bytes of 0xff follow the common prefix of a range in the keys that a narrowed range leaves out.
const hair = 64

// unique returns the end of a key that no other client has.
func unique() string {
	return string(binary.BigEndian.AppendUint64(nil, rand.Uint64()))
}

// sift removes from events what the reader has not asked for. Servers other than members are asked for more than that, or do
// not filter.
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
