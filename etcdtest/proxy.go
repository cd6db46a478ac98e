// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy forwards TCP connections to one address, and simulates network faults on request. It outlives the member behind
// it, so its address stays the same over restarts.
type proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	sent, received atomic.Int64 // bytes to clients, and from them

	mu      sync.Mutex
	faults  faults
	changed chan struct{} // closed, and replaced, when faults change
	links   map[*link]struct{}
	closed  bool
}

type faults struct {
	cut       bool          // no connection lives or comes about
	blackhole bool          // connections live, nothing passes
	delay     time.Duration // of every byte, in each direction
	idle      idleRule
}

func newProxy(listen port, target string) (*proxy, error) {
	listener, err := net.Listen("tcp4", listen.addr())
	if err != nil {
		return nil, err
	}
	p := &proxy{
		target:   target,
		listener: listener,
		changed:  make(chan struct{}),
		links:    make(map[*link]struct{}),
	}
	p.running.Go(p.serve)
	return p, nil
}

func (p *proxy) serve() {
	for {
		conn, err := p.listener.Accept()
		if err == nil {
			p.admit(conn)
			continue
		}
		p.mu.Lock()
		closed := p.closed
		p.mu.Unlock()
		if closed {
			return
		}
		// Most likely there are no file descriptors left. The listener itself works.
		time.Sleep(pollInterval)
	}
}

func (p *proxy) admit(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.faults.cut {
		reset(conn)
		return
	}
	l := newLink(p, conn)
	p.links[l] = struct{}{}
	p.running.Go(func() {
		l.run()
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	})
}

// set changes the faults, and ends all connections if the faults demand it.
func (p *proxy) set(change func(*faults)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.faults)
	close(p.changed)
	p.changed = make(chan struct{})
	if p.faults.cut {
		p.abortLinks()
	}
}

func (p *proxy) state() (faults, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults, p.changed
}

// abortLinks needs mu held.
func (p *proxy) abortLinks() {
	for l := range p.links {
		l.abort()
	}
}

// close returns when all connections and goroutines of the proxy have ended.
func (p *proxy) close() error {
	p.mu.Lock()
	p.closed = true
	p.abortLinks()
	p.mu.Unlock()
	err := p.listener.Close()
	p.running.Wait()
	return err
}

// reset closes a connection so that the other side gets an error instead of an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
