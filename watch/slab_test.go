// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"weak"

	"google.golang.org/protobuf/proto"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// sized returns a response of n events whose values have that many bytes.
func sized(n, bytesEach int) *pb.WatchResponse {
	r := &pb.WatchResponse{Header: &pb.ResponseHeader{Revision: int64(n)}}
	for i := range n {
		r.Events = append(r.Events, &mvccpb.Event{Kv: &mvccpb.KeyValue{
			Key: fmt.Appendf(nil, "key-%08d", i), Value: bytes.Repeat([]byte{byte(i)}, bytesEach), ModRevision: int64(i + 1),
		}})
	}
	return r
}

func TestEventsThatShareMemoryAreIndependent(t *testing.T) {
	for _, size := range []int{0, 1, 100, small - 13, small - 12, small, sharing - 12, sharing - 11, 3 * sharing} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			want, got := sized(3*together+1, size), &pb.WatchResponse{}
			if !decode(whole(encoded(t, want)), got) || !proto.Equal(got, want) {
				t.Fatalf("got %v", got)
			}
			for i, e := range got.Events {
				if cap(e.Kv.Key) > len(e.Kv.Key)+8 { // a size class may be a little larger
					t.Errorf("the key of event %d keeps room for %d bytes", i, cap(e.Kv.Key))
				}
				_, _ = append(e.Kv.Key, "more"...), append(e.Kv.Value, "more"...)
			}
			if !proto.Equal(got, want) {
				t.Error("an append to one event changes another")
			}
			clear(got.Events[1].Kv.Value)
			proto.Reset(got.Events[2])
			want.Events[1], want.Events[2] = got.Events[1], &mvccpb.Event{}
			if !proto.Equal(got, want) {
				t.Error("a change of one event changes another")
			}
		})
	}
}

func TestSmallEventsCostFewObjects(t *testing.T) {
	for _, c := range []struct{ events, objects int }{
		{1, 3},      // the response, all that is in it, the bytes
		{1000, 260}, // as above, a record for each 8 events, and 1 KiB for each 9
	} {
		data := whole(encoded(t, sized(c.events, 100)))
		if n := testing.AllocsPerRun(20, func() { decode(data, &pb.WatchResponse{}) }); n > float64(c.objects) {
			t.Errorf("%d events: %v objects", c.events, n)
		}
	}
}

func TestHeaderThatIsKeptKeepsNoLargeValue(t *testing.T) {
	r := &pb.WatchResponse{}
	if !decode(whole(encoded(t, sized(1, 3*sharing))), r) {
		t.Fatal("not decoded")
	}
	header, value := r.Header, weak.Make(&r.Events[0].Kv.Value[0])
	r = nil
	runtime.GC()
	if value.Value() != nil {
		t.Error("the value is still there")
	}
	runtime.KeepAlive(header)
}
