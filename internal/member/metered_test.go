// SPDX-License-Identifier: Apache-2.0

package member

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// script is a connection that gives at most so many bytes to each Read, and the error with the last of them.
type script struct {
	net.Conn
	left  []byte
	pause func() int
	err   error
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), s.pause())], s.left)
	if s.left = s.left[n:]; len(s.left) == 0 {
		return n, s.err
	}
	return n, nil
}

func TestReadBufferPassesOnEachByteAndThenTheError(t *testing.T) {
	cut := errors.New("cut")
	sent := make([]byte, 3<<20)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	for name, portion := range map[string]int{"small": 100, "of a frame": 16 << 10, "large": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			var received atomic.Int64
			m := newMetered(&script{left: sent, pause: func() int { return 1 + rand.IntN(portion) }, err: cut}, &received)
			var got bytes.Buffer
			var err error
			for err == nil { // as gRPC does: a short header, then what follows it
				if _, err = io.CopyN(&got, m, 9); err == nil {
					_, err = io.CopyBuffer(struct{ io.Writer }{&got}, io.LimitReader(m, rand.Int64N(20_000)), make([]byte, 16<<10))
				}
			}
			if !errors.Is(err, cut) || !bytes.Equal(got.Bytes(), sent) || received.Load() != int64(len(sent)) {
				t.Errorf("got %d of %d bytes, counted %d, then %v", got.Len(), len(sent), received.Load(), err)
			}
		})
	}
}

func TestReadBufferIsLargeOnlyWhileMuchComesIn(t *testing.T) {
	portion := 1 << 20
	m := newMetered(&script{left: make([]byte, 8<<20), pause: func() int { return portion }, err: io.EOF}, new(atomic.Int64))
	head := make([]byte, 9)
	for range 100_000 {
		if _, err := io.ReadFull(m, head); err != nil {
			t.Fatal(err)
		}
	}
	largest := readSizes[len(readSizes)-1]
	if got := m.now; readSizes[got] != largest {
		t.Errorf("while much comes in the buffer has %d bytes, want %d", readSizes[got], largest)
	}
	portion = 100
	m.unread = nil
	for range len(readSizes) + 1 {
		if _, err := io.ReadFull(m, make([]byte, portion)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(m.buffer()); got != readSizes[0] || m.lent != nil {
		t.Errorf("once little comes in the buffer has %d bytes, want %d", got, readSizes[0])
	}
}
