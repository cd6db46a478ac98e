// SPDX-License-Identifier: Apache-2.0

package member

import (
	"net"
	"sync"
	"sync/atomic"
)

// readSizes are the sizes of the buffers that a connection reads into. The first one belongs to the connection, and holds the
// answers to small requests. The others are borrowed while more comes in at a time: fewer system calls make a long replay
// of events cheaper.
var readSizes = [...]int{2 << 10, 32 << 10, 256 << 10}

// readBuffers has the buffers of each size that no connection uses.
var readBuffers [len(readSizes)]sync.Pool

// metered is a connection that counts the bytes received. It also buffers them, because gRPC's own buffer takes 32 KiB for
// each connection, idle or not.
type metered struct {
	net.Conn
	received *atomic.Int64

	// One goroutine reads, so these need no lock.
	own    []byte  // of the first size
	lent   *[]byte // of the other sizes, from their pool; nil for the first one
	size   int     // of the next buffer: an index of readSizes
	now    int     // size of the present buffer
	unread []byte  // what the present buffer still has
	err    error   // comes after unread
}

func newMetered(nc net.Conn, received *atomic.Int64) *metered {
	return &metered{Conn: nc, received: received, own: make([]byte, readSizes[0])}
}

func (m *metered) Read(p []byte) (int, error) {
	if len(m.unread) > 0 {
		n := copy(p, m.unread)
		m.unread = m.unread[n:]
		return n, nil
	}
	if m.err != nil {
		return 0, m.err
	}
	into := m.buffer()
	if len(p) >= len(into) { // a copy would be of no use
		return m.receive(p)
	}
	n, err := m.receive(into)
	m.unread, m.err = into[:n], err
	if n == 0 {
		return 0, err
	}
	return m.Read(p)
}

// receive reads from the network, and chooses the size of the next buffer.
func (m *metered) receive(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	m.received.Add(int64(n))
	switch last := len(readSizes) - 1; {
	case n >= readSizes[m.size] && m.size < last:
		m.size++
	case m.size > 0 && n < readSizes[m.size-1]:
		m.size--
	}
	return n, err
}

// buffer returns a buffer of the size that is due. It gives another one back.
func (m *metered) buffer() []byte {
	if m.now != m.size {
		if m.lent != nil {
			readBuffers[m.now].Put(m.lent)
			m.lent = nil
		}
		m.now = m.size
		if m.now > 0 {
			var free bool
			if m.lent, free = readBuffers[m.now].Get().(*[]byte); !free {
				m.lent = new([]byte)
				*m.lent = make([]byte, readSizes[m.now])
			}
		}
	}
	if m.lent != nil {
		return *m.lent
	}
	return m.own
}
