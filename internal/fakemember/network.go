// SPDX-License-Identifier: Apache-2.0

package fakemember

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/testnet"
)

// Fake is what each type is that embeds a *Member.
type Fake interface{ fake() *Member }

func (m *Member) fake() *Member { return m }

// Open opens a connection to fake members. It closes with the test.
func Open[M Fake](t *testing.T, members []M, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(context.Background(), "", Endpoints(members...), append([]conn.Option{Network(members...)}, opts...)...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// Endpoints returns the endpoint of each member, which is NAME:1.
func Endpoints[M Fake](members ...M) []string {
	var list []string
	for _, m := range members {
		list = append(list, m.fake().Name+":1")
	}
	return list
}

// Network is the network of the members. A host whose name begins with void swallows packets.
func Network[M Fake](members ...M) conn.Option {
	hosts := map[string]testnet.Host{}
	for _, m := range members {
		hosts[m.fake().Name] = m.fake().Dial
	}
	return testnet.Hosts(hosts)
}

// dialling lets one connection after another be made. Each makes timers that fire at once, and the race detector of Go 1.26 ends the
// program with SIGSEGV now and then if goroutines of one bubble of synctest do so at the same time.
var dialling sync.Mutex

// Dial makes a connection to the member.
func (m *Member) Dial(parent context.Context) (net.Conn, error) {
	m.mu.Lock()
	listener := m.listener
	m.mu.Unlock()
	if listener == nil {
		return nil, fmt.Errorf("dial %s:1: connection refused", m.Name)
	}
	dialling.Lock()
	nc, err := listener.DialContext(parent) // the member accepts it at once
	dialling.Unlock()
	if err != nil {
		return nil, err
	}
	m.Dials.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	f := &forgettable{Conn: nc, closed: m.closed}
	m.conns[f] = true
	return f, nil
}

// closed takes a connection out of those that Drop and Swallow find.
func (m *Member) closed(f *forgettable) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conns, f)
}

// Open returns how many connections to the member are open.
func (m *Member) Open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.conns)
}

// Refuse makes the member accept no further connections.
func (m *Member) Refuse() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused, m.listener = m.listener, nil
}

// Restore undoes Refuse.
func (m *Member) Restore() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listener = m.refused
}

// Drop closes the connections to the member.
func (m *Member) Drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns {
		_ = c.Conn.Close()
	}
	clear(m.conns)
}

// Swallow makes the connections to the member lose what is sent from now on, while they seem to be open.
func (m *Member) Swallow() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns {
		c.forgotten.Store(true)
	}
}
