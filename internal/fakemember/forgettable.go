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
}

func (f *forgettable) Write(b []byte) (int, error) {
	if f.forgotten.Load() {
		return len(b), nil
	}
	return f.Conn.Write(b)
}
