// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

func TestRangesOfTheSpaceBecomeRangesBelowThePrefix(t *testing.T) {
	for _, tt := range []struct{ prefix, key, end, from, to string }{
		{"p/", "k", "", "p/k", ""},
		{"p/", "a", "b", "p/a", "p/b"},
		{"p/", "\x00", "\x00", "p/\x00", "p0"},             // all keys
		{"p/", "k", "\x00", "p/k", "p0"},                   // from a key on
		{"p/", "\x00", "", "p/\x00", ""},                   // the smallest key
		{"p/", "a", "\x00\x00", "p/a", "p/\x00\x00"},       // an empty range
		{"p/", "\xff", "\xff\xff", "p/\xff", "p/\xff\xff"}, // keys of 0xff
		{"p\xff", "k", "\x00", "p\xffk", "q"},              // a prefix that ends in 0xff
		{"p\xff\xff", "\x00", "\x00", "p\xff\xff\x00", "q"},
		{"\xff", "k", "\x00", "\xffk", "\x00"}, // no key is after those with such a prefix
		{"\xff\xff", "\x00", "\x00", "\xff\xff\x00", "\x00"},
		{"\x00", "k", "\x00", "\x00k", "\x01"},
		{"p/", "", "", "", ""}, // no key: the server refuses it
		{"p/", "", "\x00", "", ""},
		{"p/", "", "b", "", ""},
	} {
		from, to := newKeyspace("n", tt.prefix).interval([]byte(tt.key), []byte(tt.end))
		if string(from) != tt.from || string(to) != tt.to {
			t.Errorf("below %q [%q, %q) becomes [%q, %q), want [%q, %q)", tt.prefix, tt.key, tt.end, from, to, tt.from, tt.to)
		}
	}
}

func TestWatchWithoutAKeyBeginsAtTheSmallestKey(t *testing.T) {
	for _, tt := range []struct{ end, to string }{{"", ""}, {"\x00", "p0"}, {"b", "p/b"}} {
		c := creation(newKeyspace("n", "p/"), &pb.WatchCreateRequest{RangeEnd: []byte(tt.end)})
		if string(c.Key) != "p/\x00" || string(c.RangeEnd) != tt.to {
			t.Errorf("a watch without a key up to %q becomes [%q, %q)", tt.end, c.Key, c.RangeEnd)
		}
	}
}

// FuzzRangeHoldsTheSameKeysBelowThePrefix holds the ranges that a namespace makes against the meaning of ranges.
func FuzzRangeHoldsTheSameKeysBelowThePrefix(f *testing.F) {
	for _, prefix := range []string{"p/", "p\xff", "\xff", "\xff\xff", "\x00", "p"} {
		for _, end := range []string{"", "\x00", "b", "\xff", "\x00\x00", "\xff\xff"} {
			for _, key := range []string{"\x00", "a", "b", "\xff", "\xff\xff\xff", "a\x00"} {
				f.Add(prefix, "a", end, key)
				f.Add(prefix, "\x00", end, key)
			}
		}
	}
	f.Fuzz(func(t *testing.T, prefix, from, end, key string) {
		if prefix == "" || from == "" || key == "" {
			return // a namespace has neither
		}
		s := newKeyspace("n", prefix)
		storedFrom, storedEnd := s.interval([]byte(from), []byte(end))
		if got, want := holds(string(storedFrom), string(storedEnd), prefix+key), holds(from, end, key); got != want {
			t.Errorf("below %q [%q, %q) holds %q: %v, want %v", prefix, from, end, key, got, want)
		}
		if !strings.HasPrefix(key, prefix) && holds(string(storedFrom), string(storedEnd), key) {
			t.Errorf("below %q [%q, %q) holds %q, which lies outside", prefix, from, end, key)
		}
		if holds(string(storedFrom), string(storedEnd), prefix) {
			t.Errorf("below %q [%q, %q) holds the prefix itself", prefix, from, end)
		}
	})
}

// holds reports whether a range of etcd holds a key.
func holds(from, end, key string) bool {
	switch end {
	case "":
		return key == from
	case "\x00":
		return key >= from
	default:
		return from <= key && key < end
	}
}

func TestRPCsThatConcernTheClusterAreRefused(t *testing.T) {
	s := New("tenant", prefix)
	for method, want := range map[string]string{
		pb.KV_Compact_FullMethodName:         `conn: namespace "tenant" refuses KV/Compact, which concerns the whole cluster`,
		pb.Maintenance_Status_FullMethodName: `conn: namespace "tenant" refuses Maintenance/Status, which concerns the whole cluster`,
		pb.Cluster_MemberList_FullMethodName: `conn: namespace "tenant" refuses Cluster/MemberList, which concerns the whole cluster`,
		pb.Auth_Authenticate_FullMethodName:  `conn: namespace "tenant" refuses Auth/Authenticate, which concerns the whole cluster`,
		"/grpc.health.v1.Health/Check":       `conn: namespace "tenant" refuses Health/Check, which it does not know`,
		"/etcdserverpb.KV/RangeOfTheFuture":  `conn: namespace "tenant" refuses KV/RangeOfTheFuture, which it does not know`,
		"nonsense":                           `conn: namespace "tenant" refuses nonsense/, which it does not know`,
	} {
		_, err := s.Translation(method)
		if !errors.Is(err, ctx.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent || err.Error() != want {
			t.Errorf("%s: %v, want %s", method, err, want)
		}
	}
}

func TestKeyOutsideThePrefixInAnAnswerIsAnError(t *testing.T) {
	s := New("tenant", "p/")
	for _, key := range []string{"", "k", "p", "p/", "q/k"} {
		pair := &mvccpb.KeyValue{Key: []byte(key)}
		listed := &pb.RangeResponse{Kvs: []*mvccpb.KeyValue{pair}}
		nested := &pb.TxnResponse{Responses: []*pb.ResponseOp{{Response: &pb.ResponseOp_ResponseRange{ResponseRange: listed}}}}
		for method, answer := range map[string]proto.Message{
			pb.KV_Range_FullMethodName:       listed,
			pb.KV_RangeStream_FullMethodName: &pb.RangeStreamResponse{RangeResponse: listed},
			pb.KV_Put_FullMethodName:         &pb.PutResponse{PrevKv: pair},
			pb.KV_DeleteRange_FullMethodName: &pb.DeleteRangeResponse{PrevKvs: []*mvccpb.KeyValue{pair}},
			pb.KV_Txn_FullMethodName: &pb.TxnResponse{Responses: []*pb.ResponseOp{
				{Response: &pb.ResponseOp_ResponseTxn{ResponseTxn: nested}},
			}},
			pb.Watch_Watch_FullMethodName:               &pb.WatchResponse{Events: []*mvccpb.Event{{Kv: pair}}},
			v3lockpb.Lock_Lock_FullMethodName:           &v3lockpb.LockResponse{Key: []byte(key)},
			v3electionpb.Election_Leader_FullMethodName: &v3electionpb.LeaderResponse{Kv: pair},
		} {
			if err := of(t, s, method).Received(answer, answer); err == nil || etcderr.OutcomeOf(err) != etcderr.Unknown {
				t.Errorf("%s with the key %q: %v", method, key, err)
			}
		}
	}
}

func TestKeysOfALeaseOutsideThePrefixAreLeftOut(t *testing.T) {
	r := &pb.LeaseTimeToLiveResponse{Keys: [][]byte{[]byte("a"), []byte("p/a"), []byte("p/"), []byte("p/b"), []byte("q")}}
	if err := timeToLiveAnswer(newKeyspace("n", "p/"), r); err != nil {
		t.Fatal(err)
	}
	if len(r.Keys) != 2 || string(r.Keys[0]) != "a" || string(r.Keys[1]) != "b" {
		t.Errorf("the keys are %q", r.Keys)
	}
}

func TestMessagesThatAreNoneAreRefused(t *testing.T) {
	s := New("tenant", prefix)
	for _, m := range []any{nil, "text", 7, struct{}{}} {
		if _, err := of(t, s, pb.KV_Range_FullMethodName).Request(m); !errors.Is(err, ctx.ErrInvalid) {
			t.Errorf("the request %T: %v", m, err)
		}
		if _, err := of(t, s, pb.KV_Range_FullMethodName).Answer(m); !errors.Is(err, ctx.ErrInvalid) {
			t.Errorf("the answer %T: %v", m, err)
		}
	}
	if r, err := of(t, s, pb.KV_Range_FullMethodName).Request((*pb.RangeRequest)(nil)); err != nil || len(r.(*pb.RangeRequest).Key) != 0 {
		t.Errorf("a nil request becomes %v, %v", r, err)
	}
}

// of returns what becomes of the messages of an RPC.
func of(t *testing.T, s Space, method string) Translation {
	t.Helper()
	translation, err := s.Translation(method)
	if err != nil || translation == nil {
		t.Fatalf("%s is not translated: %v", method, err)
	}
	return translation
}

// TestAnswerThatTheCallersTypeCannotHoldMayHaveHadAnEffect decodes keys as text that is not UTF-8.
func TestAnswerThatTheCallersTypeCannotHoldMayHaveHadAnEffect(t *testing.T) {
	answer := &pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: []byte(prefix + "\xff")}}}
	err := of(t, New("tenant", prefix), pb.KV_Range_FullMethodName).Received(answer, &pb.AuthRoleListResponse{})
	var e *etcderr.Error
	if !errors.As(err, &e) || etcderr.OutcomeOf(err) != etcderr.Unknown || !strings.Contains(err.Error(), "AuthRoleListResponse") {
		t.Errorf("the error is %v", err)
	}
}
