// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"testing"

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
		got := someAnswers() // what an attempt before has left
		if err := c.Unmarshal(received(data), got); (err != nil) != (failed != nil) {
			t.Fatalf("the codec says %v, and proto.Unmarshal says %v", err, failed)
		}
		if failed == nil && !proto.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestAnswersDoNotUseTheMemoryOfTheTransport(t *testing.T) {
	data, err := proto.Marshal(someAnswers())
	if err != nil {
		t.Fatal(err)
	}
	got := &batchpb.Answers{}
	if err := NewCodec().Unmarshal(received(data), got); err != nil {
		t.Fatal(err)
	}
	clear(data) // the transport reads into it again
	if !proto.Equal(got, someAnswers()) {
		t.Errorf("got %v", got)
	}
	first := append(got.Responses[0], "more"...)
	if string(first) != "onemore" || !proto.Equal(got, someAnswers()) {
		t.Error("an answer can grow into the next one")
	}
}
