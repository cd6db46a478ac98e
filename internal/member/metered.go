// SPDX-License-Identifier: Apache-2.0

package member

import (
	"net"
	"sync"
	"sync/atomic"
)

// readSizes are the sizes of the buffers that a connection reads into. The first one holds the answers to small requests. The others
// are used while more comes in at a time: fewer system calls make a long replay of events cheaper.
var readSizes = [...]int{2 << 10, 32 << 10, 256 << 10}

// readBuffers has the buffers of each size that no connection uses.
var readBuffers [len(readSizes)]sync.Pool

// metered is a connection that counts the bytes received. It also buffers them, because gRPC's own buffer takes 32 KiB for
// each connection, idle or not. A socket that can be read when it is ready borrows a buffer only while it has unread bytes. Other
// connections, such as those with TLS, have one of the first size, and borrow larger ones.
type metered struct {
	net.Conn
	received *atomic.Int64

	// One goroutine reads, so these need no lock.
	socket *socket // nil: the connection must have a buffer before it reads
	own    []byte  // of the first size; nil with a socket
	lent   *[]byte // from the pool of its size; nil while there is no need for it
	size   int     // of the next buffer: an index of readSizes
	now    int     // size of the present buffer
	unread []byte  // what the present buffer still has
	err    error   // comes after unread
}

func newMetered(nc net.Conn, received *atomic.Int64) *metered {
	m := &metered{Conn: nc, received: received}
	if m.socket = newSocket(nc, m.buffer, m.giveBack); m.socket == nil {
		m.own = make([]byte, readSizes[0])
	}
	return m
}

func (m *metered) Read(p []byte) (int, error) {
	if len(m.unread) > 0 {
		n := copy(p, m.unread)
		if m.unread = m.unread[n:]; len(m.unread) == 0 && m.socket != nil {
			m.giveBack()
		}
		return n, nil
	}
	if m.err != nil {
		return 0, m.err
	}
	if len(p) >= readSizes[m.size] { // a copy would be of no use
		n, err := m.Conn.Read(p)
		m.learn(n)
		return n, err
	}
	var into []byte
	var n int
	var err error
	if m.socket != nil {
		into, n, err = m.socket.read()
	} else {
		into = m.buffer()
		n, err = m.Conn.Read(into)
	}
	m.unread, m.err = into[:n], err
	m.learn(n)
	if n == 0 {
		return 0, err
	}
	return m.Read(p)
}

// learn counts what came in with one read, and chooses the size of the next buffer.
func (m *metered) learn(n int) {
	m.received.Add(int64(n))
	switch last := len(readSizes) - 1; {
	case n >= readSizes[m.size] && m.size < last:
		m.size++
	case m.size > 0 && n < readSizes[m.size-1]:
		m.size--
	}
}

// buffer returns a buffer of the size that is due. It gives another one back.
func (m *metered) buffer() []byte {
	if m.now != m.size {
		m.giveBack()
		m.now = m.size
	}
	if m.now == 0 && m.own != nil {
		return m.own
	}
	if m.lent == nil {
		var free bool
		if m.lent, free = readBuffers[m.now].Get().(*[]byte); !free {
			m.lent = new([]byte)
			*m.lent = make([]byte, readSizes[m.now])
		}
	}
	return *m.lent
}

// giveBack returns the borrowed buffer.
func (m *metered) giveBack() {
	if m.lent != nil {
		readBuffers[m.now].Put(m.lent)
		m.lent = nil
	}
}
