// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/testnet"
)

// narrow is a connection over a path that delivers one megabyte per second from the server. An answer arrives after all
// that was sent before it.
type narrow struct {
	net.Conn
	mu   sync.Mutex
	more *sync.Cond
	path bytes.Buffer
	err  error
}

func squeeze(nc net.Conn) *narrow {
	n := &narrow{Conn: nc}
	n.more = sync.NewCond(&n.mu)
	go func() {
		p := make([]byte, 1<<16)
		for {
			got, err := nc.Read(p)
			n.mu.Lock()
			n.path.Write(p[:got])
			n.err = err
			n.more.Signal()
			n.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return n
}

func (n *narrow) Read(p []byte) (int, error) {
	n.mu.Lock()
	for n.path.Len() == 0 && n.err == nil {
		n.more.Wait()
	}
	if n.err != nil {
		n.mu.Unlock()
		return 0, n.err
	}
	got, _ := n.path.Read(p[:min(len(p), 1<<14)])
	n.mu.Unlock()
	time.Sleep(time.Duration(got) * time.Microsecond)
	return got, nil
}

// The message takes eight seconds. Answers to health checks and to requests for a sign of life arrive behind it, so
// they are late as well.
func TestSlowTransferOfALargeMessageIsNotTakenForSilence(t *testing.T) {
	for name, meanwhile := range map[string]func(*conn.Conn, engine.Stream){
		"checks": func(_ *conn.Conn, s engine.Stream) { s.Doubt() },
		"calls":  func(c *conn.Conn, _ engine.Stream) { _, _ = put(context.Background(), c, conn.Within(2*time.Second)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				a.blob = make([]byte, 8<<20)
				dial := func(parent context.Context) (net.Conn, error) {
					nc, err := a.Dial(parent)
					if err != nil {
						return nil, err
					}
					return squeeze(nc), nil
				}
				var told heard
				c := openFake(t, []*member{a}, testnet.Hosts(map[string]testnet.Host{"a": dial}), told.option(),
					conn.WithHealthCheckInterval(time.Hour))
				stream, err := c.NewStream(t.Context(), &pb.Maintenance_ServiceDesc.Streams[0], pb.Maintenance_Snapshot_FullMethodName)
				if err != nil {
					t.Fatal(err)
				}
				if err := stream.SendMsg(new(pb.SnapshotRequest)); err != nil {
					t.Fatal(err)
				}
				done := make(chan error)
				got := new(pb.SnapshotResponse)
				go func() { done <- stream.RecvMsg(got) }()
				for began := time.Now(); ; time.Sleep(time.Second) {
					select {
					case err := <-done:
						if err != nil || len(got.Blob) != len(a.blob) {
							t.Errorf("%d bytes after %v: %v", len(got.Blob), time.Since(began), err)
						}
						if all := told.events(); len(all) != 1 {
							t.Errorf("the listener heard %+v", all)
						}
						stream.(engine.Stream).Abort()
						return
					default:
						meanwhile(c, stream.(engine.Stream))
					}
				}
			})
		})
	}
}
