// SPDX-License-Identifier: Apache-2.0

package typed_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/typed"
)

// registry is the connection to the cluster that the tests of this package share.
const registry = "registry"

var cluster *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, registry, &cluster) }

// base is the request of a store that belongs to one test, and is empty.
func base(t *testing.T) typed.Request {
	t.Helper()
	c := typed.New(registry).WithKey(t.Name() + "/")
	if _, err := kv.Delete(t.Context(), c.WithPrefix()); err != nil {
		t.Fatal(err)
	}
	return c
}

// number is a codec of decimal numbers, as a program would write one.
type number struct{}

func (number) Encode(n int) ([]byte, error)    { return []byte(strconv.Itoa(n)), nil }
func (number) Decode(data []byte) (int, error) { return strconv.Atoi(string(data)) }

func numbers(c typed.Request) typed.Store[int] { return typed.Of(c, number{}) }

func put(t *testing.T, c typed.Request, key, value string) int64 {
	t.Helper()
	response, err := kv.Put(t.Context(), c.WithSubKey(key).WithValue(value))
	if err != nil {
		t.Fatal(err)
	}
	return response.GetHeader().GetRevision()
}

func remove(t *testing.T, c typed.Request, key string) {
	t.Helper()
	response, err := kv.Delete(t.Context(), c.WithSubKey(key))
	if err != nil || response.GetDeleted() != 1 {
		t.Fatalf("delete: %v, %v", response, err)
	}
}

// get returns what the servers have under a key, nil if there is nothing.
func get(t *testing.T, c typed.Request, key string) *mvccpb.KeyValue {
	t.Helper()
	response, err := kv.Get(t.Context(), c.WithSubKey(key))
	if err != nil {
		t.Fatal(err)
	}
	if response.GetCount() == 0 {
		return nil
	}
	return response.GetKvs()[0]
}

func wantValue(t *testing.T, c typed.Request, key, value string) {
	t.Helper()
	if got := get(t, c, key); got == nil || string(got.GetValue()) != value {
		t.Errorf("%s is %v, want %q", key, got, value)
	}
}

// wantFailure checks what is known of a failed call's effect, and that errors.Is finds all of its reasons.
func wantFailure(t *testing.T, err error, outcome etcderr.Outcome, reasons ...error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if got := etcderr.OutcomeOf(err); got != outcome {
		t.Errorf("outcome %v, want %v: %v", got, outcome, err)
	}
	for _, reason := range reasons {
		if !errors.Is(err, reason) {
			t.Errorf("%q is not %q", err, reason)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("%q is not one line", err)
	}
}

func wantInvalid(t *testing.T, err error, conflicts ...string) {
	t.Helper()
	wantFailure(t, err, etcderr.NotSent, kv.ErrInvalid)
	var invalid *kv.InvalidError
	if !errors.As(err, &invalid) || !slices.Equal(invalid.Conflicts, conflicts) {
		t.Errorf("%q, want the conflicts %q", err, conflicts)
	}
}

// lost is the error of a request, or its answer, that was lost on the way.
var lost = status.Error(codes.Unavailable, "error reading from server: EOF")

// request is one that a meddler has before it.
type request struct {
	method string
	n      int          // it is the nth of its method
	send   func() error // sends it, and returns its error
	lose   func() error // as if it had been sent and lost
	timeUp <-chan struct{}
}

// meddler opens a connection that hands each request for KV to a function, which may do other things before and after it, and may
// lose it or its answer.
func meddler(t *testing.T, meddle func(request) error) (conn string) {
	t.Helper()
	var mu sync.Mutex
	sent := map[string]int{}
	return open(t, cluster, grpc.WithUnaryInterceptor(
		func(parent context.Context, path string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			send := func() error { return invoke(parent, path, req, reply, cc, opts...) }
			method, ours := strings.CutPrefix(path, "/etcdserverpb.KV/")
			if !ours {
				return send()
			}
			mu.Lock()
			sent[method]++
			n := sent[method]
			mu.Unlock()
			return meddle(request{method, n, send, func() error { // the engine notices what is not sent at all
				_ = invoke(parent, pb.KV_Range_FullMethodName, &pb.RangeRequest{Key: []byte("-")}, new(pb.RangeResponse), cc, opts...)
				return lost
			}, parent.Done()})
		}))
}

func open(t *testing.T, cluster *etcdtest.Cluster, opts ...grpc.DialOption) string {
	t.Helper()
	return onecluster.Open(t, "", cluster.Endpoints(), conn.WithDialOptions(opts...)).Name()
}
