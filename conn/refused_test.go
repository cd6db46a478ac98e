// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/testnet"
)

// refusing is a connection to a server that retires it while a request is on its way. The server ignores that request
// and later ones, and says so in a GOAWAY.
type refusing struct {
	net.Conn
	text   []byte
	left   *atomic.Int64 // how often yet, on all connections
	in     *io.PipeReader
	out    *io.PipeWriter
	goAway atomic.Bool
}

func refuse(nc net.Conn, text string, left *atomic.Int64) *refusing {
	r := &refusing{Conn: nc, text: []byte(text), left: left}
	r.in, r.out = io.Pipe()
	go func() {
		_, err := io.Copy(r.out, nc)
		r.out.CloseWithError(err)
	}()
	return r
}

func (r *refusing) Read(p []byte) (int, error) { return r.in.Read(p) }

func (r *refusing) Write(p []byte) (int, error) {
	if bytes.Contains(p, r.text) && r.left.Add(-1) >= 0 {
		r.goAway.Store(true)
		go func() { _, _ = r.out.Write([]byte{0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) }() // the last stream is 0
	}
	if r.goAway.Load() {
		return len(p), nil
	}
	return r.Conn.Write(p)
}

func (r *refusing) Close() error {
	_ = r.in.Close()
	return r.Conn.Close()
}

// gRPC itself sends a request that a server ignored again, but only once.
func TestCallSucceedsAfterSeveralRetiringConnectionsIgnoreIt(t *testing.T) {
	for name, call := range map[string]func(parent context.Context, c *conn.Conn, key string) error{
		"read": func(parent context.Context, c *conn.Conn, key string) error {
			_, err := pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte(key)})
			return err
		},
		"write": func(parent context.Context, c *conn.Conn, key string) error {
			_, err := pb.NewKVClient(c).Put(parent, &pb.PutRequest{Key: []byte(key)})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const key, times = "the key of the call", 5
				a := newMember(t, "a")
				var left atomic.Int64
				left.Store(times)
				dial := func(parent context.Context) (net.Conn, error) {
					nc, err := a.Dial(parent)
					if err != nil {
						return nil, err
					}
					return refuse(nc, key, &left), nil
				}
				c := openFake(t, []*member{a}, testnet.Hosts(map[string]testnet.Host{"a": dial}))
				if err := call(t.Context(), c, key); err != nil {
					t.Error(err)
				}
				if left.Load() >= 0 || a.calls.Load() != 1 {
					t.Errorf("%d refusals are left, and %d requests were processed", left.Load(), a.calls.Load())
				}
			})
		})
	}
}
