// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/testnet"
)

func TestOpenReachesANameWhoseFirstAddressSwallowsPackets(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithTLS())
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(cluster.Endpoints()[0], "https://"))
	system := testnet.System()
	open(t, "", []string{"https://localhost:" + port}, conn.WithTLS(cluster.TLSConfig()), testnet.On(testnet.Network{
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("127.0.0.1")}, nil
		},
		Dial: func(parent context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "192.0.2.1:") {
				<-parent.Done()
				return nil, parent.Err()
			}
			return system.Dial(parent, network, address)
		},
	}))
}
