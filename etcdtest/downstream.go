// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// downstream is one connection of a client to a balancer. Each has a server of its own, because a server of the
// standard library sends GOAWAY on all its connections or on none.
type downstream struct {
	balancer *Balancer
	conn     net.Conn
	server   http.Server

	requests atomic.Int64
	enough   chan struct{} // has a value when the connection has had its number of requests

	serves, ended     chan struct{} // closed when HTTP/2 has begun, and when the connection has ended
	serving, stopping sync.Once     // closes them
}

func newDownstream(b *Balancer, conn net.Conn, idle time.Duration) *downstream {
	d := &downstream{
		balancer: b,
		conn:     conn,
		enough:   make(chan struct{}, 1),
		serves:   make(chan struct{}),
		ended:    make(chan struct{}),
	}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true) // encrypted or not, which the server need not know
	d.server = http.Server{
		Handler:     d,
		Protocols:   &protocols,
		IdleTimeout: idle,
		ErrorLog:    log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateActive, http.StateIdle:
				d.serving.Do(func() { close(d.serves) })
			case http.StateClosed:
				d.stopping.Do(func() { close(d.ended) })
			}
		},
	}
	return d
}

// run serves the connection until it ends.
func (d *downstream) run() {
	listener := &oneConn{conn: d.conn, closed: make(chan struct{})}
	var server sync.WaitGroup
	server.Go(func() {
		_ = d.server.Serve(listener)
		if !listener.accepted.Load() { // it was closed before
			d.stopping.Do(func() { close(d.ended) })
		}
	})
	grace, due := d.awaitRetirement()
	if due {
		d.retire(grace)
	}
	d.abort()
	server.Wait()
	<-d.ended
}

// abort ends the connection with all that is under way on it.
func (d *downstream) abort() {
	_ = d.server.Close()
	_ = d.conn.Close()
}

// ServeHTTP counts a request, and forwards it.
func (d *downstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !d.balancer.enter() {
		panic(http.ErrAbortHandler)
	}
	defer d.balancer.leave()
	rules, _ := d.balancer.state()
	if n := d.requests.Add(1); rules.requests > 0 && n >= rules.requests {
		select {
		case d.enough <- struct{}{}:
		default:
		}
	}
	d.balancer.forward(w, r)
}

// awaitRetirement returns when the connection is to be retired, or has ended. Its age counts from the first request.
func (d *downstream) awaitRetirement() (grace time.Duration, due bool) {
	select {
	case <-d.serves:
	case <-d.ended:
	}
	begin := time.Now()
	for {
		rules, changed := d.balancer.state()
		var old <-chan time.Time
		if rules.age > 0 {
			old = time.After(time.Until(begin.Add(rules.age)))
		}
		select {
		case <-d.ended:
			return 0, false
		case <-old:
			return rules.grace, true
		case <-d.enough:
			return 0, true
		case <-changed:
		}
	}
}

// retire sends GOAWAY, and returns when the requests under way have ended, or the grace is over.
func (d *downstream) retire(grace time.Duration) {
	d.balancer.retired.Add(1)
	// Shutdown sends GOAWAY before it looks at its context. A context that has not ended would make it poll.
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = d.server.Shutdown(over)
	var cut <-chan time.Time
	if grace > 0 {
		cut = time.After(grace)
	}
	select {
	case <-d.ended:
	case <-cut:
	}
}

// oneConn is a listener that has accepted a single connection.
type oneConn struct {
	conn     net.Conn
	accepted atomic.Bool
	closing  sync.Once
	closed   chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.accepted.Swap(true) {
		return l.conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }
