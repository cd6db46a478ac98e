// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"testing"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/gen/batchpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func someAnswers() *batchpb.Answers {
	return &batchpb.Answers{
		Header:    &pb.ResponseHeader{ClusterId: 1 << 63, MemberId: 2, Revision: 3, RaftTerm: 4},
		Succeeded: true,
		Responses: [][]byte{[]byte("one"), {}, bytes.Repeat([]byte("three"), 1000)},
	}
}

// received returns data as gRPC hands it over, in two pieces.
func received(data []byte) mem.BufferSlice {
	half := len(data) / 2
	return mem.BufferSlice{mem.SliceBuffer(data[:half]), mem.SliceBuffer(data[half:])}
}

// FuzzAnswersOfATripAreDecodedAsProtoDoes compares the codec with proto.Unmarshal.
func FuzzAnswersOfATripAreDecodedAsProtoDoes(f *testing.F) {
	whole, err := proto.Marshal(someAnswers())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add([]byte{})
	f.Add(append(bytes.Clone(whole), whole...))                                                    // two headers
	f.Add(protowire.AppendVarint(protowire.AppendTag(nil, 9, protowire.VarintType), 1))            // an unknown field
	f.Add(protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1<<40))        // true
	f.Add(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte{0x80}))   // a malformed header
	f.Add(protowire.AppendFixed32(protowire.AppendTag(nil, 3, protowire.Fixed32Type), 0x0a0a0a0a)) // of another type
	c := NewCodec()
	f.Fuzz(func(t *testing.T, data []byte) {
		want := &batchpb.Answers{}
		failed := proto.Unmarshal(data, want)
		got := &Answers{Answers: batchpb.Answers{Succeeded: true, Responses: [][]byte{[]byte("what an attempt before has left")}}}
		if err := c.Unmarshal(received(data), got); (err != nil) != (failed != nil) {
			t.Fatalf("the codec says %v, and proto.Unmarshal says %v", err, failed)
		}
		if failed == nil && !proto.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestAnswersKeepTheMemoryOfTheTransportUntilTheyAreFreed(t *testing.T) {
	var m memory
	got := &Answers{}
	for range 2 { // an attempt may fail after its answer, and another one brings the next
		if err := m.receive(someAnswers(), got); err != nil {
			t.Fatal(err)
		}
		if lent := m.lent.Load(); lent != 1 || !proto.Equal(got, someAnswers()) {
			t.Errorf("%d buffers are lent, want 1; the answers are %v", lent, got)
		}
	}
	const more = " with as much as the next answer has in front of its first byte"
	first := append(got.Responses[0], more...)
	if string(first) != "one"+more || !proto.Equal(got, someAnswers()) {
		t.Error("an answer can grow into the next one")
	}
	got.free()
	if lent := m.lent.Load(); lent != 0 || proto.Size(got) != 0 {
		t.Errorf("%d buffers are lent once the answers are free, which have %d bytes", lent, proto.Size(got))
	}
}

func TestAnswersOfAnUnusualFormHaveMemoryOfTheirOwn(t *testing.T) {
	two := someAnswers()
	two.ProtoReflect().SetUnknown([]byte{9 << 3, 1})
	var m memory
	got := &Answers{}
	for _, all := range []*batchpb.Answers{someAnswers(), two} { // the first one is the answer of an attempt that failed
		if err := m.receive(all, got); err != nil {
			t.Fatal(err)
		}
	}
	got.free()
	if err := m.receive(two, got); err != nil {
		t.Fatal(err)
	}
	if lent := m.lent.Load(); lent != 0 || !proto.Equal(got, two) {
		t.Errorf("%d buffers are lent; the answers are %v", lent, got)
	}
}

// merging is a program's codec that does not reset the message first.
type merging struct{ encoding.CodecV2 }

func (merging) Unmarshal(data mem.BufferSlice, message any) error {
	return proto.UnmarshalOptions{Merge: true}.Unmarshal(data.Materialize(), message.(proto.Message))
}

func TestCodecOfTheProgramGetsNoHalfDecodedMessage(t *testing.T) {
	_, unusual := answers(t)
	two := unusual[0]
	want, got := &pb.RangeResponse{}, &pb.RangeResponse{}
	if err := proto.Unmarshal(two, want); err != nil {
		t.Fatal(err)
	}
	c := Codec{merging{}}
	if err := c.Unmarshal(received(two), got); err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	trip, err := proto.Marshal(someAnswers())
	if err != nil {
		t.Fatal(err)
	}
	trip = append(trip, trip...) // two headers
	all, trips := &batchpb.Answers{}, &Answers{}
	if err := proto.Unmarshal(trip, all); err != nil {
		t.Fatal(err)
	}
	if err := c.Unmarshal(received(trip), trips); err != nil || !proto.Equal(trips, all) {
		t.Errorf("got %d answers in %d bytes, %v; want %d in %d", len(trips.Responses), proto.Size(trips), err, len(all.Responses), proto.Size(all))
	}
}
