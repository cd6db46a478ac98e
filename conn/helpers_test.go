// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// open opens a connection to real members. It closes with the test.
func open(t *testing.T, name string, endpoints []string, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(t.Context(), name, endpoints, opts...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// waitFor waits until done returns true.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing came within 10 s")
		}
	}
}

func get(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) (*pb.RangeResponse, error) {
	return pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte("k")}, opts...)
}

func put(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) (*pb.PutResponse, error) {
	return pb.NewKVClient(c).Put(parent, &pb.PutRequest{Key: []byte("k"), Value: []byte("v")}, opts...)
}
