// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"fmt"
	"os"
	"syscall"
)

// A port is a free TCP port of 127.0.0.1, reserved for users that this package names it to.
//
// A socket that is bound but never listens holds it. While the socket is open, the kernel gives the port to nobody who
// asks for any port, to listen or to connect from. So a member that is down finds its port free again. A listener that
// names the port may share it, because Go sets SO_REUSEADDR on listeners.
type port struct {
	number int
	fd     int
}

func reservePort() (port, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return port{}, os.NewSyscallError("socket", err)
	}
	p := port{fd: fd}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		p.release()
		return port{}, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		p.release()
		return port{}, os.NewSyscallError("bind", err)
	}
	addr, err := syscall.Getsockname(fd)
	if err != nil {
		p.release()
		return port{}, os.NewSyscallError("getsockname", err)
	}
	in4, ok := addr.(*syscall.SockaddrInet4)
	if !ok {
		p.release()
		return port{}, fmt.Errorf("getsockname: not an IPv4 address: %T", addr)
	}
	p.number = in4.Port
	return p, nil
}

func (p port) release() { _ = syscall.Close(p.fd) }
