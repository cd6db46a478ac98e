// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Balancer is a load balancer before members of a [Cluster], similar to nginx. Connections of clients end at it, and
// each request goes to the next reachable member. It retires connections on request, by the GOAWAY of HTTP/2: it
// accepts no new requests on them, and those under way finish. If no member is reachable, or one breaks off, it answers
// with an HTML page and status 502. Its methods are safe for concurrent use.
type Balancer struct {
	network

	cluster   *Cluster
	members   []*Member // none: all of the cluster
	endpoint  string
	listener  net.Listener // behind the network
	transport *http.Transport
	accepting sync.WaitGroup
	next      atomic.Uint64 // counts requests, to take the members in turn
	retired   atomic.Int64

	mu       sync.Mutex
	rules    rules
	changed  chan struct{} // closed, and replaced, when rules change
	conns    map[*downstream]struct{}
	requests int
	idle     *sync.Cond // requests and conns are none; its lock is mu
	closed   bool
}

// rules say when a balancer retires a connection. 0 is never.
type rules struct {
	age      time.Duration
	grace    time.Duration // of requests under way, once the age is reached; 0 is as long as they take
	requests int64
	idle     time.Duration
}

// Balancer starts a load balancer before the given members, or before all members of the cluster if none is given. With
// [WithTLS] it serves over TLS as the members do. The cluster closes it. An error is a failure of the cluster, and the
// result is nil.
func (c *Cluster) Balancer(members ...*Member) *Balancer {
	b, err := c.newBalancer(members)
	if err != nil {
		c.fail(fmt.Errorf("Balancer: %w", err))
		return nil
	}
	return b
}

func (c *Cluster) newBalancer(members []*Member) (*Balancer, error) {
	if slices.Contains(members, nil) {
		return nil, errors.New("a member is nil")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	at, err := c.ports.reserve()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	front, err := newProxy(at, listener.Addr().String())
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w: %w", errPortTaken, err)
		}
		return nil, errors.Join(err, listener.Close())
	}
	name := fmt.Sprintf("balancer%d", len(c.balancers))
	b := &Balancer{
		network: network{proxy: front, blame: func(method string, err error) {
			c.fail(fmt.Errorf("%s of %s: %w", method, name, err))
		}},
		cluster:   c,
		members:   slices.Clone(members),
		endpoint:  c.scheme("") + at.addr(),
		listener:  listener,
		transport: c.newUpstream(),
		changed:   make(chan struct{}),
		conns:     make(map[*downstream]struct{}),
	}
	b.idle = sync.NewCond(&b.mu)
	c.balancers = append(c.balancers, b)
	b.accepting.Go(b.accept)
	return b, nil
}

// Endpoint returns the address for clients of the balancer, in the form of [Cluster.Endpoints].
func (b *Balancer) Endpoint() string { return b.endpoint }

// RetireAfter retires each connection at the given age, idle or not. Requests under way finish. What is still open
// after grace, such as a stream, is cut. A grace of 0 never cuts, and an age of 0 turns this off.
func (b *Balancer) RetireAfter(age, grace time.Duration) {
	b.set(func(r *rules) { r.age, r.grace = age, grace })
}

// RetireAfterRequests retires each connection with its nth request, which is still carried out. 0 turns this off.
func (b *Balancer) RetireAfterRequests(n int) {
	b.set(func(r *rules) { r.requests = int64(n) })
}

// RetireIdle retires each connection opened from now on after d without a request. 0 turns this off. Unlike
// [Balancer.CutIdle] it announces the end, and pings of the client do not count.
func (b *Balancer) RetireIdle(d time.Duration) {
	b.set(func(r *rules) { r.idle = d })
}

// Retired returns the number of connections retired by [Balancer.RetireAfter] and [Balancer.RetireAfterRequests].
func (b *Balancer) Retired() int { return int(b.retired.Load()) }

func (b *Balancer) set(change func(*rules)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.rules)
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *Balancer) state() (rules, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rules, b.changed
}

func (b *Balancer) accept() {
	for {
		conn, err := b.listener.Accept()
		switch {
		case err == nil:
			b.admit(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(pollInterval) // out of file descriptors, most likely
		}
	}
}

func (b *Balancer) admit(conn net.Conn) {
	if b.cluster.certs != nil {
		conn = tls.Server(conn, b.cluster.certs.serverConfig())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = conn.Close()
		return
	}
	d := newDownstream(b, conn, b.rules.idle)
	b.conns[d] = struct{}{}
	go func() {
		d.run()
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.conns, d)
		b.idle.Broadcast()
	}()
}

// enter admits a request unless the balancer is closed.
func (b *Balancer) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.requests++
	return true
}

func (b *Balancer) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests--
	b.idle.Broadcast()
}

// close returns when all connections and goroutines of the balancer have ended.
func (b *Balancer) close() error {
	err := errors.Join(b.network.close(), b.listener.Close())
	b.accepting.Wait()
	b.mu.Lock()
	b.closed = true
	for d := range b.conns {
		d.abort()
	}
	for len(b.conns) > 0 || b.requests > 0 {
		b.idle.Wait()
	}
	b.mu.Unlock()
	b.transport.CloseIdleConnections()
	return err
}
