// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package etcdtest

import (
	"fmt"
	"net"
)

// A port is a TCP port of 127.0.0.1 that was free a moment ago. Another process may take it first. Then the start of a
// cluster is tried again with other ports.
type port struct {
	number int
}

func reservePort() (port, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return port{}, err
	}
	defer l.Close()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return port{}, fmt.Errorf("listener has no TCP address: %v", l.Addr())
	}
	return port{number: addr.Port}, nil
}

func (p port) release() {}
