// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// open opens a connection to real members. It closes with the test.
func open(t *testing.T, name string, endpoints []string, opts ...conn.Option) *conn.Conn {
	t.Helper()
	return onecluster.Open(t, name, endpoints, opts...)
}

// waitFor waits until done returns true.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	onecluster.Eventually(t, 10*time.Second, "what the test waits for", func() error {
		if !done() {
			return errors.New("it has not come")
		}
		return nil
	})
}

func get(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) (*pb.RangeResponse, error) {
	return pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte("k")}, opts...)
}

// readFrom reads until a member has answered. Then it is the next one's turn.
func readFrom(t *testing.T, c *conn.Conn, member string) {
	t.Helper()
	for {
		if r, err := get(t.Context(), c); err != nil {
			t.Fatal(err)
		} else if r.GetHeader().GetMemberId() == id(member) {
			return
		}
	}
}

func put(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) (*pb.PutResponse, error) {
	return pb.NewKVClient(c).Put(parent, &pb.PutRequest{Key: []byte("k"), Value: []byte("v")}, opts...)
}
