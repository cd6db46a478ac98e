// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fields"
)

func full() *pb.WatchResponse {
	return &pb.WatchResponse{
		Header:  &pb.ResponseHeader{ClusterId: 1 << 63, MemberId: 2, Revision: 300, RaftTerm: 4},
		WatchId: 5, Fragment: true,
		Events: []*mvccpb.Event{
			{Kv: &mvccpb.KeyValue{Key: []byte("k"), Value: []byte("v"), CreateRevision: 6, ModRevision: 7, Version: 8, Lease: -9},
				PrevKv: &mvccpb.KeyValue{Key: []byte("k"), Value: bytes.Repeat([]byte("v"), 2000)}},
			{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: []byte("gone"), ModRevision: 10}},
			{Type: -1, Kv: &mvccpb.KeyValue{Value: []byte("keyless")}},
			{Kv: &mvccpb.KeyValue{}},
		},
	}
}

func encoded(t testing.TB, r *pb.WatchResponse) []byte {
	t.Helper()
	data, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// whole is a message that came in one buffer.
func whole(data []byte) mem.BufferSlice { return mem.BufferSlice{mem.SliceBuffer(data)} }

// inParts is a message that came in buffers of n bytes, with an empty one after each.
func inParts(data []byte, n int) (parts mem.BufferSlice) {
	for len(data) > n {
		parts = append(parts, mem.SliceBuffer(data[:n]), mem.SliceBuffer(nil))
		data = data[n:]
	}
	return append(parts, mem.SliceBuffer(data))
}

func TestFastDecoderTakesResponsesWithEvents(t *testing.T) {
	data, r := encoded(t, full()), &pb.WatchResponse{}
	if !decode(whole(data), r) || !proto.Equal(r, full()) {
		t.Fatalf("got %v", r)
	}
	for i := range data {
		data[i] = 0
	}
	if !proto.Equal(r, full()) {
		t.Error("the decoded response shares memory with its bytes")
	}
	first := r.Events[0].Kv
	if _ = append(first.Key, "more"...); string(first.Value) != "v" {
		t.Error("an append to the key changes the value")
	}
	if n := testing.AllocsPerRun(100, func() { decode(whole(encoded(t, full())), &pb.WatchResponse{}) }) -
		testing.AllocsPerRun(100, func() { encoded(t, full()) }); n > 13 {
		t.Errorf("%v objects", n)
	}
}

func TestFastDecoderTakesResponsesThatComeInParts(t *testing.T) {
	data := encoded(t, full())
	for n := 1; n <= len(data); n++ {
		r, bytes := &pb.WatchResponse{}, bytes.Clone(data)
		if !decode(inParts(bytes, n), r) || !proto.Equal(r, full()) {
			t.Fatalf("in parts of %d bytes: %v", n, r)
		}
		if clear(bytes); !proto.Equal(r, full()) {
			t.Fatalf("in parts of %d bytes: the response shares memory with its bytes", n)
		}
	}
}

// FuzzDecode checks that the fast decoder and proto.Unmarshal agree.
func FuzzDecode(f *testing.F) {
	data := encoded(f, full())
	f.Add(data, uint16(100))
	f.Add(data[:len(data)-1], uint16(1))
	f.Add(append(bytes.Clone(data), data...), uint16(3)) // two headers
	for _, r := range []*pb.WatchResponse{
		{}, {Created: true}, {Canceled: true, CompactRevision: 3, CancelReason: "etcdserver: no"}, {WatchId: -1, Header: &pb.ResponseHeader{}},
	} {
		f.Add(encoded(f, r), uint16(2))
	}
	f.Add([]byte{6<<3 | 2, 1, 0xff}, uint16(2)) // text that is none
	kv := encoded(f, &pb.WatchResponse{Events: []*mvccpb.Event{{Kv: &mvccpb.KeyValue{Key: []byte("k")}}}})
	event := protowire.AppendBytes(protowire.AppendVarint(nil, responseEvent),
		append(append([]byte{eventPair, 3, 1<<3 | fields.Bytes, 1, 'a'}, eventPair, 3, 5<<3|byte(fields.Bytes), 1), 'b')) // two pairs
	f.Add(event, uint16(2))
	f.Add(append(bytes.Clone(kv), protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 7)...), uint16(4))
	f.Add(append(bytes.Clone(kv), protowire.AppendFixed64(protowire.AppendTag(nil, 2, protowire.Fixed64Type), 7)...), uint16(4))
	f.Add(append(bytes.Clone(kv), protowire.AppendTag(nil, 0, protowire.VarintType)...), uint16(4))
	f.Fuzz(func(t *testing.T, data []byte, part uint16) {
		got, want := &pb.WatchResponse{}, &pb.WatchResponse{}
		known := decode(whole(data), got)
		parts := &pb.WatchResponse{}
		if also := decode(inParts(data, int(part)+1), parts); also != known || known && !proto.Equal(parts, got) {
			t.Fatalf("as a whole (%v): %v\nin parts (%v): %v", known, got, also, parts)
		}
		if !known {
			return
		}
		if err := proto.Unmarshal(data, want); err != nil {
			t.Fatalf("malformed, but decoded: %v", err)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	r := &pb.WatchResponse{Header: &pb.ResponseHeader{Revision: 1 << 20}}
	for range 1000 {
		r.Events = append(r.Events, &mvccpb.Event{Kv: &mvccpb.KeyValue{
			Key: bytes.Repeat([]byte("k"), 20), Value: bytes.Repeat([]byte("v"), 100), CreateRevision: 1 << 19, ModRevision: 1 << 20, Version: 300,
		}})
	}
	data := encoded(b, r)
	b.Run("short", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decode(inParts(data, 16<<10), &pb.WatchResponse{})
		}
	})
	b.Run("proto", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := proto.Unmarshal(data, &pb.WatchResponse{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
