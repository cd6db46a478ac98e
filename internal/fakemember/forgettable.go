// SPDX-License-Identifier: Apache-2.0

package fakemember

import (
	"net"
	"sync/atomic"
)

// forgettable is a connection that a NAT may forget.
type forgettable struct {
	net.Conn
	forgotten atomic.Bool
	closed    func(*forgettable)
}

func (f *forgettable) Write(b []byte) (int, error) {
	if f.forgotten.Load() {
		return len(b), nil
	}
	return f.Conn.Write(b)
}

func (f *forgettable) Close() error {
	f.closed(f)
	return f.Conn.Close()
}
