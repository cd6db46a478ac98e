// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// stuck is a connection that delivers no more once that many bytes have been read.
type stuck struct {
	net.Conn
	left   int
	closed chan struct{}
}

func (s *stuck) Read(p []byte) (int, error) {
	if s.left <= 0 {
		<-s.closed
		return 0, net.ErrClosed
	}
	n, err := s.Conn.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

func (s *stuck) Close() error {
	defer func() { _ = recover() }() // a second time
	close(s.closed)
	return s.Conn.Close()
}

func TestStreamCutInTheMiddleOfAMessageTellsWhy(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(parent context.Context) (context.Context, context.CancelFunc)
		is   error
		code codes.Code
	}{
		"a deadline": {func(parent context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(parent, time.Second)
		}, context.DeadlineExceeded, codes.DeadlineExceeded},
		"a cancellation": {func(parent context.Context) (context.Context, context.CancelFunc) {
			parent, cancel := context.WithCancel(parent)
			time.AfterFunc(time.Second, cancel)
			return parent, cancel
		}, context.Canceled, codes.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				a.blob = make([]byte, 1<<20)
				dial := func(parent context.Context, _ string) (net.Conn, error) {
					nc, err := a.listener.DialContext(parent)
					return &stuck{nc, 100_000, make(chan struct{})}, err
				}
				c := openFake(t, []*member{a}, conn.WithDialOptions(grpc.WithContextDialer(dial)))
				parent, cancel := tt.end(t.Context())
				defer cancel()
				s, err := pb.NewMaintenanceClient(c).Snapshot(parent, &pb.SnapshotRequest{})
				if err != nil {
					t.Fatal(err)
				}
				_, err = s.Recv()
				if !errors.Is(err, tt.is) || status.Code(err) != tt.code || strings.Contains(err.Error(), "EOF") {
					t.Errorf("got %v with code %v", err, status.Code(err))
				}
			})
		})
	}
}
