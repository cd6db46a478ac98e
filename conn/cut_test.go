// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/internal/testnet"
)

// stuck is a connection that delivers nothing more after that many bytes.
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

func TestStreamCutInsideAMessageReturnsTheReason(t *testing.T) {
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
				dial := func(parent context.Context) (net.Conn, error) {
					nc, err := a.Dial(parent)
					return &stuck{nc, 100_000, make(chan struct{})}, err
				}
				c := openFake(t, []*member{a}, testnet.Hosts(map[string]testnet.Host{"a": dial}))
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

// ending is a connection on which the server ends a stream inside its first long message, at a chosen moment.
type ending struct {
	net.Conn
	at   time.Time
	left bytes.Buffer // read and not delivered yet
	over bool
}

func (e *ending) Read(p []byte) (int, error) {
	if e.left.Len() == 0 {
		if err := e.frame(); err != nil {
			return 0, err
		}
	}
	return e.left.Read(p)
}

// frame reads a frame of HTTP/2. After the first long data frame it adds an empty one that ends the stream.
func (e *ending) frame() error {
	const data, endStream, long = 0x0, 0x1, 10_000
	var header [9]byte
	if _, err := io.ReadFull(e.Conn, header[:]); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(header[:4]) >> 8
	e.left.Write(header[:])
	if _, err := io.CopyN(&e.left, e.Conn, int64(length)); err != nil {
		return err
	}
	if header[3] == data && length > long && !e.over {
		e.over = true
		time.Sleep(time.Until(e.at))
		e.left.Write(append([]byte{0, 0, 0, data, endStream}, header[5:]...))
	}
	return nil
}

// The server keeps the deadline of a stream too, and its clock may be a little ahead.
func TestStreamThatTheServerCutsAtTheDeadlineReturnsDeadlineExceeded(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration
		code  codes.Code
	}{
		"at the deadline": {time.Second - 5*time.Millisecond, codes.DeadlineExceeded},
		"long before":     {time.Second / 2, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				a.blob = make([]byte, 1<<20)
				at := time.Now().Add(tt.after)
				dial := func(parent context.Context) (net.Conn, error) {
					nc, err := a.Dial(parent)
					return &ending{Conn: nc, at: at}, err
				}
				c := openFake(t, []*member{a}, testnet.Hosts(map[string]testnet.Host{"a": dial}))
				parent, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				s, err := pb.NewMaintenanceClient(c).Snapshot(parent, &pb.SnapshotRequest{})
				if err != nil {
					t.Fatal(err)
				}
				_, err = s.Recv()
				timeUp := tt.code == codes.DeadlineExceeded
				if status.Code(err) != tt.code || errors.Is(err, context.DeadlineExceeded) != timeUp || strings.Contains(err.Error(), "EOF") == timeUp {
					t.Errorf("got %v with code %v", err, status.Code(err))
				}
			})
		})
	}
}

// TestRefusedStreamIsNotCalledCancelled cancels the context of a stream at its end, as the adapter for clientv3 does and interceptors may.
func TestRefusedStreamIsNotCalledCancelled(t *testing.T) {
	c := onecluster.Open(t, "", etcd.Endpoints())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s, err := pb.NewKVClient(c).RangeStream(ctx, &pb.RangeRequest{}, grpc.OnFinish(func(error) { cancel() }))
	if err == nil {
		_, err = s.Recv()
	}
	// Members before 3.7 do not know the method, the others want a key.
	if etcderr.OutcomeOf(err) != etcderr.Rejected || errors.Is(err, context.Canceled) || ctx.Err() == nil {
		t.Errorf("the member refuses a stream: %v", err)
	}
}
