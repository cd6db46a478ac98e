// SPDX-License-Identifier: Apache-2.0

//go:build unix

package member

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// pair returns the two ends of a TCP connection.
func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if here, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close() })
	if there, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	return here, there
}

func TestSocketPassesOnEachByteAndThenTheEnd(t *testing.T) {
	here, there := pair(t)
	sent := make([]byte, 3<<20)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	go func() {
		for left := sent; len(left) > 0; {
			n := min(1+rand.IntN(1<<(1+rand.IntN(18))), len(left))
			if _, err := there.Write(left[:n]); err != nil {
				t.Error(err)
				return
			}
			left = left[n:]
		}
		there.Close()
	}()
	var received atomic.Int64
	m := newMetered(here, &received)
	var got bytes.Buffer
	var err error
	for err == nil {
		_, err = io.CopyN(&got, m, 1+rand.Int64N(20_000))
	}
	if !errors.Is(err, io.EOF) || !bytes.Equal(got.Bytes(), sent) || received.Load() != int64(len(sent)) {
		t.Errorf("got %d of %d bytes, counted %d, then %v", got.Len(), len(sent), received.Load(), err)
	}
	if m.own != nil || m.lent != nil {
		t.Error("the connection holds a buffer although nothing is unread")
	}
}

func TestSocketHoldsNoBufferWhileItWaits(t *testing.T) {
	here, _ := pair(t)
	m := newMetered(here, new(atomic.Int64))
	if err := here.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	n, err := m.Read(make([]byte, 9))
	if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %d bytes and %v, want the end of the time", n, err)
	}
	if m.own != nil || m.lent != nil {
		t.Error("the connection holds a buffer while nothing comes in")
	}
}

func TestSocketTellsWhyAReadFails(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(here, there net.Conn)
		want error
	}{
		"closed here": {func(here, _ net.Conn) { here.Close() }, net.ErrClosed},
		"reset by the other side": {func(_, there net.Conn) {
			_ = there.(*net.TCPConn).SetLinger(0)
			there.Close()
		}, syscall.ECONNRESET},
	} {
		t.Run(name, func(t *testing.T) {
			here, there := pair(t)
			m := newMetered(here, new(atomic.Int64))
			tt.end(here, there)
			_, err := m.Read(make([]byte, 9))
			var op *net.OpError
			if !errors.Is(err, tt.want) || !errors.As(err, &op) || op.Op != "read" {
				t.Errorf("got %v, want a failed read for %v", err, tt.want)
			}
		})
	}
}
