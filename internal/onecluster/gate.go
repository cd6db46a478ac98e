// SPDX-License-Identifier: Apache-2.0

package onecluster

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/testnet"
)

// Gate stands between a connection and its network. The zero Gate is open. Its methods are safe for concurrent use.
type Gate struct {
	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

var errShut = errors.New("shut out by the test")

// Option has the connection dial through the gate.
func (g *Gate) Option() conn.Option {
	system := testnet.System()
	dial := system.Dial
	system.Dial = func(parent context.Context, network, address string) (net.Conn, error) {
		if g.isShut() {
			return nil, errShut
		}
		c, err := dial(parent, network, address)
		if err != nil {
			return nil, err
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.shut {
			_ = c.Close()
			return nil, errShut
		}
		g.conns = append(g.conns, c)
		return c, nil
	}
	return testnet.On(system)
}

func (g *Gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut
}

// Shut makes each further dial fail. Transports that exist stay.
func (g *Gate) Shut() { g.set(true) }

// Open undoes Shut and Cut.
func (g *Gate) Open() { g.set(false) }

func (g *Gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
}

// Cut shuts the gate and breaks the transports that exist.
func (g *Gate) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	for _, c := range g.conns {
		_ = c.Close()
	}
	g.conns = nil
}
