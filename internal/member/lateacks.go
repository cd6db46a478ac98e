// SPDX-License-Identifier: Apache-2.0

package member

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// ackDelay is how long the answer to a bandwidth ping waits.
const ackDelay = 5 * time.Millisecond

// bandwidthAck is the frame that answers a bandwidth ping of gRPC, whose eight bytes of data are always the same.
var bandwidthAck = []byte{0, 0, 8, 6, 1, 0, 0, 0, 0, 2, 4, 16, 16, 9, 14, 7, 7}

// lateAcks is a connection that answers the bandwidth pings of a gRPC server late. The server sends one with the first data that comes in
// after the answer to the last one, so otherwise with nearly each small request. Then both sides wake up once more, which is a tenth of what
// a small call costs. The server only measures with it how much data comes in until the answer, and how long that takes: the bandwidth
// stays the same. Other pings, such as those that ask whether this side still lives, are answered at once.
type lateAcks struct {
	net.Conn

	mu     sync.Mutex
	frames frames
	held   int         // answers that wait: one, since gRPC sends no other ping before it has the answer
	timer  *time.Timer // nil until the first answer has waited
	due    bool        // they have waited long enough, but a frame is under way
}

func newLateAcks(nc net.Conn) *lateAcks { return &lateAcks{Conn: nc} }

func (c *lateAcks) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frames.between() && bytes.Equal(p, bandwidthAck) {
		c.hold()
		return len(p), nil
	}
	n, err := c.Conn.Write(p)
	c.frames.follow(p[:n])
	if c.due {
		c.write()
	}
	return n, err
}

// hold lets an answer wait. The caller holds the lock.
func (c *lateAcks) hold() {
	c.held++
	switch {
	case c.held > 1:
	case c.timer == nil:
		c.timer = time.AfterFunc(ackDelay, c.answer)
	default:
		c.timer.Reset(ackDelay)
	}
}

// answer runs when an answer has waited long enough.
func (c *lateAcks) answer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due = true
	c.write()
}

// write writes what is due, unless a frame is under way. If it fails, the connection is broken, and gRPC hears of that when it reads.
// The caller holds the lock.
func (c *lateAcks) write() {
	if !c.frames.between() {
		return
	}
	for ; c.held > 0; c.held-- {
		_, _ = c.Conn.Write(bandwidthAck)
	}
	c.due = false
}

// frames follows what a client writes to an HTTP/2 connection, and knows where its frames end.
type frames struct {
	begun bool // the client's preface has begun
	head  [frameHeader]byte
	have  int // bytes of head
	left  int // bytes until the end of the frame, or of the preface
}

const (
	prefaceLength = 24
	frameHeader   = 9
)

// between reports whether the next byte begins a frame.
func (f *frames) between() bool { return f.begun && f.left == 0 && f.have == 0 }

// follow takes the next bytes.
func (f *frames) follow(p []byte) {
	if !f.begun && len(p) > 0 {
		f.begun, f.left = true, prefaceLength
	}
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, len(p))
			f.left -= n
			p = p[n:]
			continue
		}
		n := copy(f.head[f.have:], p)
		f.have += n
		p = p[n:]
		if f.have == frameHeader {
			f.have, f.left = 0, int(f.head[0])<<16|int(f.head[1])<<8|int(f.head[2])
		}
	}
}
