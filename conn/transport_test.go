// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func TestAnswersMayBeLargerThanGRPCsOwnLimit(t *testing.T) {
	const limit = 4 << 20
	c, err := conn.Open(t.Context(), "", etcdtest.Start(t).Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	value := bytes.Repeat([]byte("v"), 1<<20)
	for i := range 6 {
		put := &pb.PutRequest{Key: fmt.Appendf(nil, "large/%d", i), Value: value}
		if _, err := pb.NewKVClient(c).Put(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	key, end := []byte("large/"), []byte("large0")

	all, err := pb.NewKVClient(c).Range(t.Context(), &pb.RangeRequest{Key: key, RangeEnd: end})
	if err != nil {
		t.Fatalf("range: %v", err)
	}
	if size := proto.Size(all); size <= limit {
		t.Errorf("the answer has only %d bytes", size)
	}

	stream, err := pb.NewWatchClient(c).Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	create := &pb.WatchCreateRequest{Key: key, RangeEnd: end, StartRevision: 1}
	if err := stream.Send(&pb.WatchRequest{RequestUnion: &pb.WatchRequest_CreateRequest{CreateRequest: create}}); err != nil {
		t.Fatal(err)
	}
	for largest, events := 0, 0; events < 6; {
		r, err := stream.Recv()
		if err != nil {
			t.Fatalf("stream: %v", err)
		}
		events += len(r.Events)
		if largest = max(largest, proto.Size(r)); events == 6 && largest <= limit {
			t.Errorf("the largest response on the stream has only %d bytes", largest)
		}
	}
}

func TestServerIsToldTheCallersDeadlineAndNotTheDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		var left []time.Duration
		a.answerKV(func(parent context.Context) error {
			deadline, ok := parent.Deadline()
			if !ok {
				deadline = time.Now()
			}
			left = append(left, time.Until(deadline))
			return nil
		})
		c := openFake(t, []*member{a})
		if _, err := get(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		parent, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		if _, err := get(parent, c); err != nil {
			t.Fatal(err)
		}
		if len(left) != 2 || left[0] != 0 || left[1] != 7*time.Second {
			t.Errorf("the server was told %v, want nothing and 7s", left)
		}
	})
}

// The server does not know the default deadline, but learns of the end of a call.
func TestServerLearnsOfACallThatEndsByTheDefaultDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		start, ended := time.Now(), make(chan time.Duration, 1)
		a.answerKV(func(parent context.Context) error {
			<-parent.Done()
			ended <- time.Since(start)
			return status.FromContextError(parent.Err()).Err()
		})
		c := openFake(t, []*member{a})
		if _, err := put(t.Context(), c); etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("put: %v", err)
		}
		if after := <-ended; after != 5*time.Second {
			t.Errorf("the server saw the call end after %v", after)
		}
	})
}

func TestServiceConfigCausesNoSecondWrite(t *testing.T) {
	const retry = `{"methodConfig": [{"name": [{}], "retryPolicy": {
		"maxAttempts": 4, "initialBackoff": "0.01s", "maxBackoff": "0.01s", "backoffMultiplier": 1,
		"retryableStatusCodes": ["UNAVAILABLE"]}}]}`
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.answerKV(func(context.Context) error { return status.Error(codes.Unavailable, "etcdserver: request timed out") })
		c := openFake(t, []*member{a}, conn.WithDialOptions(grpc.WithDefaultServiceConfig(retry)))
		if _, err := put(t.Context(), c); etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("put: %v", err)
		}
		if n := a.calls.Load(); n != 1 {
			t.Errorf("the write was sent %d times", n)
		}
	})
}
