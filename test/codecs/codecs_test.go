// SPDX-License-Identifier: Apache-2.0

// Package codecs proves that the SDK works in a program that has registered a codec of its own for protobuf messages, of the kind that
// gRPC had first. A program has one such codec for all that it does, so these tests have a process of their own.
package codecs

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.uber.org/goleak"
	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/codecs/early"
	"github.com/eetcd-go/eetcd/test/internal/forward"
	"github.com/eetcd-go/eetcd/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestReadsTravelTogetherByTheCodecOfTheProgram has reads board a trip while the first one is held up.
func TestReadsTravelTogetherByTheCodecOfTheProgram(t *testing.T) {
	const readers = 16
	s := forward.Start(t, etcdtest.Start(t).Member(0).Endpoint(), keepalive.ServerParameters{})
	c := onecluster.Open(t, "", []string{s.Endpoint})
	if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey("k").WithValue("v")); err != nil {
		t.Fatal(err)
	}
	ranges, encoded := s.Calls(pb.KV_Range_FullMethodName).N, early.Encoded.Load()
	s.Hold()
	defer s.Release()
	var reading sync.WaitGroup
	for i := range readers {
		reading.Go(func() {
			got, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey("k").WithLimit(int64(i+1)))
			if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "v" {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	onecluster.Eventually(t, 20*time.Second, "two requests to arrive", func() error {
		if s.Calls(pb.KV_Range_FullMethodName).N+s.Calls(pb.KV_Txn_FullMethodName).N < ranges+2 {
			return errors.New("not yet")
		}
		return nil
	})
	s.Release()
	reading.Wait()
	ranges, txns := s.Calls(pb.KV_Range_FullMethodName).N-ranges, s.Calls(pb.KV_Txn_FullMethodName).N
	if txns == 0 || ranges+txns > readers {
		t.Errorf("%d callers made %d reads and %d transactions", readers, ranges, txns)
	}
	if early.Encoded.Load() < encoded+int64(ranges+txns) {
		t.Error("the codec of the program has not encoded them")
	}
}

func TestWatchWorksByTheCodecOfTheProgram(t *testing.T) {
	s := forward.Start(t, etcdtest.Start(t).Member(0).Endpoint(), keepalive.ServerParameters{})
	c := onecluster.Open(t, "", []string{s.Endpoint})
	encoded := early.Encoded.Load()
	w, err := watch.Watch(t.Context(), watch.New(c.Name()).WithKey("k"))
	if err != nil {
		t.Fatal(err)
	}
	if early.Encoded.Load() == encoded {
		t.Error("the codec of the program has not encoded the request")
	}
	if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey("k").WithValue("v")); err != nil {
		t.Fatal(err)
	}
	for e, err := range w.Events() {
		if err != nil || string(e.GetKv().GetValue()) != "v" {
			t.Errorf("got %v, %v", e, err)
		}
		break
	}
	if got := s.Calls(pb.Watch_Watch_FullMethodName).Type; got != "application/grpc" {
		t.Errorf("the stream has the content type %q", got)
	}
}

// TestMessagesOfOtherStubsAreTranslated uses etcd's own stubs, whose messages have other types.
func TestMessagesOfOtherStubsAreTranslated(t *testing.T) {
	whole := onecluster.Open(t, "", etcdtest.Start(t).Endpoints())
	inside, err := whole.Namespace(t.Name(), "prefix/")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	for i, c := range []*conn.Conn{whole, inside} {
		stub, value := etcdpb.NewKVClient(c), []byte(strconv.Itoa(i))
		if _, err := stub.Put(t.Context(), &etcdpb.PutRequest{Key: []byte("k"), Value: value}); err != nil {
			t.Error(err)
		}
		got, err := stub.Range(t.Context(), &etcdpb.RangeRequest{Key: []byte("k"), Serializable: true})
		if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != string(value) {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

func TestMessageThatTheCodecOfTheProgramRefusesIsNotSent(t *testing.T) {
	c := onecluster.Open(t, "", etcdtest.Start(t).Endpoints())
	err := c.Invoke(t.Context(), pb.KV_Put_FullMethodName, struct{}{}, &pb.PutResponse{})
	if err == nil || etcderr.OutcomeOf(err) != etcderr.NotSent {
		t.Errorf("%v, %v", err, etcderr.OutcomeOf(err))
	}
}
