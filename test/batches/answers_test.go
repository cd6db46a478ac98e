// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
)

func TestReadsOfOneTimeTravelTogetherAndEachGetsItsOwnAnswer(t *testing.T) {
	w := newWorld(t)
	c, keys := w.open(), w.put("k/", readers)
	var answers []answer
	ranges, txns := w.counted(func() { answers = w.together(c, readers, gets(t, c, keys)) })
	if ranges+txns > readers/2 || txns == 0 {
		t.Errorf("%d callers made %d reads and %d transactions", readers, ranges, txns)
	}
	alone := get(t.Context(), w.open(conn.WithoutBatching()), keys[0])
	for i, key := range keys {
		w.mustHold(key, answers[i])
		if h := answers[i].GetHeader(); !proto.Equal(h, alone.Header) {
			t.Errorf("%s: header %v, want that of a read that goes alone: %v", key, h, alone.Header)
		}
	}
}

// TestAnswersAreThoseOfReadsThatGoAlone compares whole messages.
func TestAnswersAreThoseOfReadsThatGoAlone(t *testing.T) {
	w := newWorld(t)
	keys := w.put("k/", 3)
	together, alone := w.open(), w.open(conn.WithoutBatching())
	requests := []*pb.RangeRequest{
		{Key: []byte(keys[0])},
		{Key: []byte(keys[1])},
		{Key: []byte("missing")},
		{Key: []byte(keys[0]), KeysOnly: true},
		{Key: []byte(keys[0]), CountOnly: true},
		{Key: []byte("missing"), CountOnly: true},
		{Key: []byte(keys[0]), Limit: 1},
		{Key: []byte(keys[0]), Limit: -1},
		{Key: []byte(keys[0]), SortOrder: pb.RangeRequest_DESCEND, SortTarget: pb.RangeRequest_MOD},
		{Key: []byte{0}},
		{Key: []byte("\xff\x00\xfe")},
		{Key: []byte(keys[2]), Serializable: true},
		{Key: []byte("missing"), Serializable: true},
		{},
		{Key: []byte(keys[0]), RangeEnd: []byte("k0")},
		{Key: []byte(keys[0]), Revision: 2},
		{Key: []byte(keys[0]), Revision: 1 << 40},
		{Key: []byte(keys[0]), MinModRevision: 1 << 40},
		{Key: []byte(keys[0]), SortOrder: 7},
	}
	ask := func(c *conn.Conn) func(int) answer {
		return func(i int) answer {
			r, err := pb.NewKVClient(c).Range(t.Context(), requests[i%len(requests)])
			return answer{r, err}
		}
	}
	for i, got := range w.together(together, 4*len(requests), ask(together)) {
		want := ask(alone)(i)
		if !proto.Equal(got.RangeResponse, want.RangeResponse) || textOf(got.err) != textOf(want.err) {
			t.Errorf("%v: got %v, %v, want %v, %v", requests[i%len(requests)], got.RangeResponse, got.err, want.RangeResponse, want.err)
		}
	}
}

func TestEqualReadsGetAnswersOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	c, key := w.open(), w.put("k/", 1)[0]
	answers := w.together(c, readers, func(int) answer {
		got := get(t.Context(), c, key)
		if got.err == nil && len(got.Kvs) == 1 && string(got.Kvs[0].Value) == valueOf(key) {
			clear(got.Kvs[0].Value) // nobody else may see that
			got.Header.Revision = -1
			return got
		}
		t.Errorf("got %v, %v", got.RangeResponse, got.err)
		return got
	})
	for i, a := range answers {
		for _, b := range answers[:i] {
			if a.RangeResponse == b.RangeResponse || a.GetHeader() == b.GetHeader() || a.err == nil && a.Kvs[0] == b.Kvs[0] {
				t.Fatal("two callers share an answer")
			}
		}
	}
}

func TestOnlyPlainReadsTravelTogether(t *testing.T) {
	w := newWorld(t)
	keys := w.put("k/", readers)
	dial := conn.WithDialOptions(grpc.WithUserAgent("of the user"))
	plain := func(c *conn.Conn) func(int) answer { return gets(t, c, keys) }
	request := func(edit func(kv.Request) kv.Request) func(*conn.Conn) func(int) answer {
		return func(c *conn.Conn) func(int) answer {
			return func(i int) answer {
				r, err := kv.Get(t.Context(), edit(kv.New(c.Name()).WithKey(keys[i])))
				return answer{r, err}
			}
		}
	}
	stub := func(parent context.Context, opts ...grpc.CallOption) func(*conn.Conn) func(int) answer {
		return func(c *conn.Conn) func(int) answer {
			return func(i int) answer {
				r, err := pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte(keys[i])}, opts...)
				return answer{r, err}
			}
		}
	}
	for name, tt := range map[string]struct {
		opts     []conn.Option
		read     func(*conn.Conn) func(int) answer
		together bool
	}{
		"by default":                       {nil, plain, true},
		"with a timeout":                   {nil, request(func(r kv.Request) kv.Request { return r.WithTimeout(long) }), true},
		"serializable":                     {nil, request(kv.Request.WithSerializable), true},
		"of a generated stub":              {nil, stub(t.Context()), true},
		"with Within":                      {nil, stub(t.Context(), conn.Within(long)), true},
		"switched off":                     {[]conn.Option{conn.WithoutBatching()}, plain, false},
		"with dial options":                {[]conn.Option{dial}, plain, false},
		"with dial options, switched on":   {[]conn.Option{dial, conn.WithBatching()}, plain, true},
		"switched on and off":              {[]conn.Option{conn.WithBatching(), conn.WithoutBatching()}, plain, false},
		"to one endpoint":                  {nil, request(func(r kv.Request) kv.Request { return r.WithEndpoint(w.Endpoint) }), false},
		"of a revision":                    {nil, request(func(r kv.Request) kv.Request { return r.WithRev(2) }), false},
		"with metadata":                    {nil, stub(metadata.AppendToOutgoingContext(t.Context(), "a", "b")), false},
		"with a call option":               {nil, stub(t.Context(), grpc.MaxCallRecvMsgSize(1<<20)), false},
		"that any member may answer alone": {nil, stub(t.Context(), conn.WithoutLeader()), false},
	} {
		t.Run(name, func(t *testing.T) {
			c := w.open(tt.opts...)
			var answers []answer
			ranges, txns := w.counted(func() { answers = w.together(c, readers, tt.read(c)) })
			if (txns > 0) != tt.together || !tt.together && ranges != readers+1 {
				t.Errorf("%d callers made %d reads and %d transactions", readers, ranges, txns)
			}
			for i, a := range answers {
				if a.err != nil || a.GetHeader().GetRevision() == 0 {
					t.Errorf("%s: got %v, %v", keys[i], a.RangeResponse, a.err)
				}
			}
		})
	}
}

func TestLoneCallersMakePlainReads(t *testing.T) {
	w := newWorld(t)
	c, keys := w.open(), w.put("k/", 20)
	ranges, txns := w.counted(func() {
		for _, key := range keys {
			w.mustHold(key, get(t.Context(), c, key))
		}
	})
	if ranges != len(keys) || txns != 0 {
		t.Errorf("%d calls, one after the other, made %d reads and %d transactions", len(keys), ranges, txns)
	}
}

func TestReadsOfANamespaceTravelTogether(t *testing.T) {
	w := newWorld(t)
	keys := w.put("tenant/k/", readers)
	whole := w.open()
	n, err := whole.Namespace(t.Name(), "tenant/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	var answers []answer
	ranges, txns := w.counted(func() {
		answers = w.together(n, readers, func(i int) answer { return get(t.Context(), n, keys[i][len("tenant/"):]) })
	})
	if ranges+txns > readers/2 || txns == 0 {
		t.Errorf("%d callers made %d reads and %d transactions", readers, ranges, txns)
	}
	for i, key := range keys {
		got := answers[i]
		if got.err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Key) != key[len("tenant/"):] || string(got.Kvs[0].Value) != valueOf(key) {
			t.Errorf("%s: got %v, %v", key, got.RangeResponse, got.err)
		}
	}
}

// A proxy may know no other content type than that of all other calls.
func TestReadsHaveTheContentTypeOfOtherCalls(t *testing.T) {
	w := newWorld(t)
	c, keys := w.open(), w.put("k/", readers)
	if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey("k")); err != nil {
		t.Fatal(err)
	}
	w.together(c, readers, gets(t, c, keys))
	want := w.Calls(pb.KV_Put_FullMethodName).Type
	for _, method := range []string{pb.KV_Range_FullMethodName, pb.KV_Txn_FullMethodName} {
		if got := w.Calls(method).Type; got != want {
			t.Errorf("%s has the content type %q, want %q", method, got, want)
		}
	}
}
