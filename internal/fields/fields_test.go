// SPDX-License-Identifier: Apache-2.0

package fields_test

import (
	"bytes"
	"math"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fields"
)

func encoded(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNextReadsNumbersOfEachLength(t *testing.T) {
	for shift := range 64 {
		for _, want := range []uint64{1<<shift - 1, 1 << shift, math.MaxUint64} {
			data := protowire.AppendVarint([]byte{3<<3 | fields.Varint}, want)
			tag, n, next := fields.Next(append(data, 0xff), 0, len(data)+1)
			if tag != 3<<3|fields.Varint || n != want || next != len(data) {
				t.Errorf("%x: tag %d, number %d, next %d", data, tag, n, next)
			}
			if tag, _, next := fields.Next(data[:len(data)-1], 0, len(data)); tag != 0 || next != 0 {
				t.Errorf("%x, cut off: tag %d, next %d", data, tag, next)
			}
		}
	}
}

func TestNextRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":                  {},
		"a tag alone":              {1<<3 | fields.Varint},
		"bytes beyond the end":     {1<<3 | fields.Bytes, 2, 'a'},
		"a negative length":        protowire.AppendVarint([]byte{1<<3 | fields.Bytes}, math.MaxUint64),
		"a tag of two bytes":       {0x80 | 1<<3, 0, 1},
		"a fixed number":           {1<<3 | 5, 0, 0, 0, 0},
		"a group":                  {1<<3 | 3, 1<<3 | 4},
		"a number of eleven bytes": append(append([]byte{1 << 3}, bytes.Repeat([]byte{0x80}, 10)...), 0),
		"a number of 65 bits":      append(append([]byte{1 << 3}, bytes.Repeat([]byte{0xff}, 9)...), 2),
	} {
		if tag, _, next := fields.Next(data, 0, len(data)); tag != 0 || next != 0 {
			t.Errorf("%s: tag %d, next %d", name, tag, next)
		}
	}
}

func TestPairSharesMemoryAndCannotGrow(t *testing.T) {
	data := encoded(t, &mvccpb.KeyValue{Key: []byte("k"), Value: []byte("v"), CreateRevision: 2, ModRevision: 1 << 50, Version: 4, Lease: -6})
	var p mvccpb.KeyValue
	key, value, ok := fields.Pair(data, &p)
	if !ok || string(key) != "k" || string(value) != "v" || p.CreateRevision != 2 || p.ModRevision != 1<<50 || p.Version != 4 || p.Lease != -6 {
		t.Fatalf("%q, %q, %v, %v", key, value, ok, &p)
	}
	if _ = append(key, "more"...); string(value) != "v" {
		t.Error("an append to the key changes the value")
	}
	if clear(data); key[0] != 0 || value[0] != 0 {
		t.Error("the key or the value is a copy")
	}
	if _, _, ok := fields.Pair([]byte{1<<3 | fields.Bytes, 0}, &p); ok {
		t.Error("a key that is there and empty is taken for none")
	}
}

// FuzzFieldsAreReadAsProtoDoes compares Header and Pair with proto.Unmarshal, for what they take.
func FuzzFieldsAreReadAsProtoDoes(f *testing.F) {
	f.Add(encoded(f, &pb.ResponseHeader{ClusterId: 1 << 63, MemberId: 7, Revision: 1 << 40, RaftTerm: 3}))
	f.Add(encoded(f, &mvccpb.KeyValue{Key: []byte("k"), Value: []byte("v"), CreateRevision: 2, ModRevision: 1 << 50, Version: 4, Lease: -6}))
	f.Add([]byte{1<<3 | fields.Bytes, 1, 'a', 1<<3 | fields.Bytes, 1, 'b'})
	f.Add([]byte{0, 1})
	f.Add([]byte{4<<3 | 5, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		header, wantHeader := &pb.ResponseHeader{}, &pb.ResponseHeader{}
		if fields.Header(data, header) {
			if err := proto.Unmarshal(data, wantHeader); err != nil || !proto.Equal(header, wantHeader) {
				t.Errorf("got %v, want %v, %v", header, wantHeader, err)
			}
		}
		pair, wantPair := &mvccpb.KeyValue{}, &mvccpb.KeyValue{}
		if key, value, ok := fields.Pair(data, pair); ok {
			pair.Key, pair.Value = key, value
			if err := proto.Unmarshal(data, wantPair); err != nil || !proto.Equal(pair, wantPair) {
				t.Errorf("got %v, want %v, %v", pair, wantPair, err)
			}
		}
	})
}
