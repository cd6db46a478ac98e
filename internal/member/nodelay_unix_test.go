// SPDX-License-Identifier: Apache-2.0

//go:build unix

package member

import (
	"net"
	"syscall"
	"testing"
	"time"
)

func TestConnectionsAreMadeWithTCPNoDelay(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	config := &Config{ConnectTimeout: time.Second, Network: SystemNetwork()}
	nc, err := newWay(Address{network: "tcp", dial: listener.Addr().String()}, config, new(wire)).connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		on, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
		if err != nil || on == 0 {
			t.Errorf("TCP_NODELAY is %d, %v", on, err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
