// SPDX-License-Identifier: Apache-2.0

package member

import (
	"bytes"
	"net"
	"time"
)

// ackPause is how long after the last ack of a bandwidth ping the next one is written.
const ackPause = 20 * time.Millisecond

// bandwidthAck is the frame that answers a bandwidth ping of gRPC, whose eight bytes of data are always the same.
var bandwidthAck = []byte{0, 0, 8, 6, 1, 0, 0, 0, 0, 2, 4, 16, 16, 9, 14, 7, 7}

// lateAcks is a connection that acknowledges the bandwidth pings of a gRPC server 50 times a second at most. A server sends such a ping with
// the first data that comes in after the last ack, so otherwise with nearly each small request. Then both sides wake up once more, which
// is a tenth of what a small call costs.
//
// Only an ack that would go out alone waits. During an upload it goes out with the data, and the server, which counts the bytes that come
// in before the ack, measures as before. Acks of other pings, such as those that ask whether this side still lives, go out at once.
type lateAcks struct {
	net.Conn

	turn   chan struct{} // a lock. While a goroutine waits for a mutex, the clock of a synctest bubble stands still
	frames frames
	err    error     // of the first write that failed; nothing is written after it
	last   time.Time // when an ack was last written
	held   bool      // an ack waits
	due    bool      // an ack has waited long enough, but a frame is under way
}

func newLateAcks(nc net.Conn) *lateAcks { return &lateAcks{Conn: nc, turn: make(chan struct{}, 1)} }

func (c *lateAcks) Write(p []byte) (int, error) {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	switch {
	case c.err != nil:
		return 0, c.err
	case !c.held && c.frames.between() && bytes.Equal(p, bandwidthAck) && c.hold():
		return len(p), nil
	}
	n, err := c.Conn.Write(p)
	if c.err = err; err != nil {
		return n, err
	}
	c.frames.follow(p)
	c.writeDue()
	return n, nil
}

// hold lets an ack wait. It returns false if it may go out at once. The caller holds the lock.
func (c *lateAcks) hold() bool {
	now := time.Now()
	wait := c.last.Add(ackPause).Sub(now)
	if wait <= 0 {
		c.last = now
		return false
	}
	c.held = true
	time.AfterFunc(wait, c.release) // an idle connection keeps no timer
	return true
}

// release runs when an ack has waited long enough.
func (c *lateAcks) release() {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.due = true
	c.writeDue()
}

// writeDue writes the ack that is due, unless a frame is under way. The caller holds the lock.
func (c *lateAcks) writeDue() {
	if c.due && c.err == nil && c.frames.between() {
		c.due, c.held, c.last = false, false, time.Now()
		_, c.err = c.Conn.Write(bandwidthAck)
	}
}
