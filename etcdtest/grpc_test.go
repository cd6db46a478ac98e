// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// stub is a bare gRPC client of one endpoint.
type stub struct{ cc *grpc.ClientConn }

func dialGRPC(t *testing.T, endpoint string, config *tls.Config) stub {
	t.Helper()
	security := insecure.NewCredentials()
	if config != nil {
		security = credentials.NewTLS(config)
	}
	cc, err := grpc.NewClient(strings.TrimPrefix(endpoint, "https://"), grpc.WithTransportCredentials(security))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return stub{cc}
}

func (s stub) put(timeout time.Duration, key, value string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_, err := pb.NewKVClient(s.cc).Put(ctx, &pb.PutRequest{Key: []byte(key), Value: []byte(value)})
	return err
}

func (s stub) get(timeout time.Duration, key string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	r, err := pb.NewKVClient(s.cc).Range(ctx, &pb.RangeRequest{Key: []byte(key)})
	if err != nil || len(r.GetKvs()) == 0 {
		return "", err
	}
	return string(r.GetKvs()[0].GetValue()), nil
}

// headerOf returns the header of a linearizable read at a member. It uses a new connection, since gRPC waits long
// before it connects again.
func headerOf(t *testing.T, m *Member) *pb.ResponseHeader {
	t.Helper()
	g := dialGRPC(t, m.Endpoint(), nil)
	defer g.cc.Close()
	var header *pb.ResponseHeader
	eventually(t, 15*time.Second, "read", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		r, err := pb.NewKVClient(g.cc).Range(ctx, &pb.RangeRequest{Key: []byte("k")})
		header = r.GetHeader()
		return err
	})
	return header
}
