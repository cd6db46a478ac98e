// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"net"
	"strconv"
)

func (p port) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number)) }

// portSet holds the ports of one cluster, to release them at its end.
type portSet []port

func (s *portSet) reserve() (port, error) {
	p, err := reservePort()
	if err == nil {
		*s = append(*s, p)
	}
	return p, err
}

func (s *portSet) release() {
	for _, p := range *s {
		p.release()
	}
	*s = nil
}
