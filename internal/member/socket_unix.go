// SPDX-License-Identifier: Apache-2.0

//go:build unix

package member

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// socket reads from a connection once there is something to read. Only then it asks for a buffer.
type socket struct {
	conn net.Conn
	raw  syscall.RawConn
	try  func(fd uintptr) (done bool) // made once, so that a read allocates nothing

	buffer   func() []byte // returns a buffer to read into
	giveBack func()        // takes it back

	// of the read under way
	into []byte
	n    int
	err  error
}

// newSocket returns nil for a connection whose bytes are not those of its socket.
func newSocket(nc net.Conn, buffer func() []byte, giveBack func()) *socket {
	var raw syscall.RawConn
	var err error
	switch c := nc.(type) {
	case *net.TCPConn:
		raw, err = c.SyscallConn()
	case *net.UnixConn:
		raw, err = c.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	s := &socket{conn: nc, raw: raw, buffer: buffer, giveBack: giveBack}
	s.try = s.tryOnce
	return s
}

// tryOnce reads if there is something to read, and otherwise reports false and holds no buffer.
func (s *socket) tryOnce(fd uintptr) (done bool) {
	s.into = s.buffer()
	for {
		s.n, s.err = syscall.Read(int(fd), s.into)
		if s.err != syscall.EINTR {
			break
		}
	}
	if s.err != syscall.EAGAIN && s.err != syscall.EWOULDBLOCK {
		return true
	}
	s.into = nil
	s.giveBack()
	return false
}

// read waits for bytes. It returns the buffer that they are in, and how many there are.
func (s *socket) read() (into []byte, n int, err error) {
	s.into, s.n, s.err = nil, 0, nil
	err = s.raw.Read(s.try)
	into, n = s.into, max(s.n, 0)
	s.into = nil
	switch {
	case err != nil:
		var op *net.OpError
		if errors.As(err, &op) {
			op.Op = "read" // not that of the raw connection
		}
	case s.err != nil:
		err = &net.OpError{
			Op: "read", Net: s.conn.LocalAddr().Network(), Source: s.conn.LocalAddr(), Addr: s.conn.RemoteAddr(),
			Err: os.NewSyscallError("read", s.err),
		}
	case n == 0:
		err = io.EOF
	}
	if n == 0 {
		s.giveBack()
	}
	return into, n, err
}
