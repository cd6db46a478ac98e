// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"weak"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

var batchHeader = &pb.ResponseHeader{ClusterId: 1 << 63, MemberId: 7, Revision: 1 << 40, RaftTerm: 3}

// answers are encoded, and usual ones are for decode.
func answers(t testing.TB) (usual, unusual [][]byte) {
	t.Helper()
	encode := func(r *pb.RangeResponse) []byte {
		data, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	pair := &mvccpb.KeyValue{Key: []byte("k"), CreateRevision: 2, ModRevision: 1 << 50, Version: 4, Value: []byte("v"), Lease: -6}
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 15, protowire.VarintType), 1)
	usual = [][]byte{
		encode(&pb.RangeResponse{}),
		encode(&pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 9}, Kvs: []*mvccpb.KeyValue{pair}, Count: 1}),
		encode(&pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 9}, Count: 1, More: true}),
		encode(&pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: []byte("k"), ModRevision: 1}}, Count: 1}),
		encode(&pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: []byte("k"), Value: []byte(strings.Repeat("v", 5000))}}, Count: 1}),
		encode(&pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{}}}),
	}
	unusual = [][]byte{
		encode(&pb.RangeResponse{Kvs: []*mvccpb.KeyValue{pair, pair}, Count: 2}),
		append(encode(&pb.RangeResponse{Kvs: []*mvccpb.KeyValue{pair}}), unknown...),
		{2<<3 | 2, 2, 1<<3 | 2, 0}, // a key that is there and empty
		{2<<3 | 2, 9, 1},
		append(encode(&pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 9}}), encode(&pb.RangeResponse{Header: batchHeader})...),
		{1<<3 | 2, 2, 6<<3 | 1, 0}, // a header that is cut off
		{4<<3 | 5, 0, 0, 0, 0},
		{0xff},
	}
	return usual, unusual
}

// mustDecodeAsProto compares decode, where it knows the form, with proto.Unmarshal, which knows all.
func mustDecodeAsProto(t *testing.T, data []byte) (known bool) {
	t.Helper()
	got := &pb.RangeResponse{More: true, Count: 5, Kvs: []*mvccpb.KeyValue{{Key: []byte("of an earlier answer")}}}
	own := &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 4}, More: true}
	if decode(data, batchHeader, got) == nil {
		if decode(data, nil, own) != nil {
			t.Errorf("%x: the header of a batch makes the form unusual", data)
		}
		return false
	}
	if made := decode(data, batchHeader, nil); !proto.Equal(made, got) {
		t.Errorf("%x: got %v, and %v in a message that was there before", data, made, got)
	}
	want := &pb.RangeResponse{}
	if err := proto.Unmarshal(data, want); err != nil {
		t.Errorf("%x: decoded, but %v", data, err)
		return true
	}
	if decode(data, nil, own) == nil || !proto.Equal(own, want) {
		t.Errorf("%x, with its own header: got %v, want %v", data, own, want)
	}
	want.Header = batchHeader
	if !proto.Equal(got, want) {
		t.Errorf("%x: got %v, want %v", data, got, want)
	}
	return true
}

func TestUsualAnswersAreDecodedAsProtoDoes(t *testing.T) {
	usual, unusual := answers(t)
	for _, data := range usual {
		if !mustDecodeAsProto(t, data) {
			t.Errorf("%x is not decoded", data)
		}
	}
	for _, data := range unusual {
		if mustDecodeAsProto(t, data) {
			t.Errorf("%x is decoded", data)
		}
	}
}

func TestDecodedAnswersShareNoMemory(t *testing.T) {
	usual, _ := answers(t)
	data := usual[1]
	a, b := &pb.RangeResponse{}, &pb.RangeResponse{}
	if decode(data, batchHeader, a) == nil || decode(data, batchHeader, b) == nil {
		t.Fatal("not decoded")
	}
	clear(data)
	pair, revision := a.Kvs[0], batchHeader.Revision
	_ = append(pair.Key, "more"...)
	if string(pair.Value) != "v" {
		t.Errorf("a key that grows overwrites the value: %q", pair.Value)
	}
	pair.Key[0], pair.Value[0], a.Header.Revision = 'x', 'x', 0
	if other := b.Kvs[0]; !bytes.Equal(other.Key, []byte("k")) || !bytes.Equal(other.Value, []byte("v")) || b.Header.Revision != revision {
		t.Errorf("another answer has become %v", b)
	}
}

func FuzzAnswersAreDecodedAsProtoDoes(f *testing.F) {
	usual, unusual := answers(f)
	for _, data := range append(usual, unusual...) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { mustDecodeAsProto(t, data) })
}

func TestHeaderOfALoneReadKeepsNoLongValue(t *testing.T) {
	data, err := proto.Marshal(&pb.RangeResponse{Header: batchHeader, Kvs: []*mvccpb.KeyValue{{Key: []byte("k"), Value: make([]byte, jointMax+1)}}})
	if err != nil {
		t.Fatal(err)
	}
	reply := &pb.RangeResponse{}
	if decode(data, nil, reply) == nil {
		t.Fatal("the form is unusual")
	}
	header, value := reply.Header, weak.Make(&reply.Kvs[0].Value[0])
	reply = nil
	runtime.GC()
	if value.Value() != nil {
		t.Error("the header keeps the value")
	}
	runtime.KeepAlive(header)
}
