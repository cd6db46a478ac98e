// SPDX-License-Identifier: Apache-2.0

// Package conn opens connections to etcd clusters. A connection has a name, and requests go by that name. It looks after itself
// until it is closed.
//
//	c, err := conn.Open(ctx, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	_, err = kv.Put(ctx, kv.New("registry").WithKey("k").WithValue("v"))
//
// Each endpoint has a gRPC connection of its own. It is Active while its member answers, is healthy and knows a
// leader. Otherwise it is Frozen: it gets no requests, and is reconnected with exponential backoff, forever.
// Requests go to the Active endpoints in turn. They are retried as far as that is safe: see [Conn.Invoke].
//
// Its counterparts in eetcd are open, close and info of the module eetcd: see docs/eetcd.md.
package conn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/life"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/refusal"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Conn is an open connection. It implements [grpc.ClientConnInterface], so that generated stubs work on it. All its
// methods are safe for concurrent use.
type Conn struct {
	name      string
	opts      *options
	set       *member.Set
	secure    bool // the transport is TLS
	listeners *listeners
	tokens    *member.Tokens // nil without credentials
	calls     *call.Caller
	services  services

	membership membership

	life *life.Life // ends, with ErrClosed, when the connection closes

	closing  sync.Once
	closeErr error
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// Close waits closeTimeout for a state listener that does not return. Its own goroutines, which end by themselves but may get
// little CPU, it gives closeMax.
const (
	closeTimeout = time.Second
	closeMax     = 5 * time.Second
)

func newConn(name string, addresses []member.Address, o *options) *Conn {
	c := &Conn{name: name, opts: o, life: life.New(), listeners: newListeners(name, o)}
	if o.ask != nil {
		c.tokens = member.NewTokens(o.ask)
	}
	c.membership.turn = make(chan struct{}, 1)
	c.secure = o.tls != nil
	for _, a := range addresses {
		c.secure = c.secure || a.Secure
	}
	c.set = member.NewSet(&member.Config{
		Connection: name, Life: c.life, Random: o.mode == Random, TLS: o.tls, Files: o.files, Tokens: c.tokens,
		ConnectTimeout: o.connectTimeout, LoginTimeout: max(o.connectTimeout, o.defaultTimeout), CheckInterval: o.checkInterval, SignOfLife: o.hedgeDelay, Backoff: o.newBackoff,
		Log: o.log, Dial: o.dial, Network: o.network, Tell: c.listeners.tell,
	}, addresses)
	c.calls = call.New(call.Config{
		Links: c, Life: c.life.Context, Tokens: c.tokens, HedgeDelay: o.hedgeDelay, DefaultTimeout: o.defaultTimeout, Dial: o.dial,
	})
	return c
}

// start starts the goroutines that look after the endpoints, and returns where their first verdicts arrive and how
// many there will be.
func (c *Conn) start() (<-chan error, int) {
	c.life.Fork(func() { c.listeners.run(c.life) })
	return c.set.Start()
}

// openLate is how many connect timeouts Open waits for endpoints that have no verdict yet where another one serves.
const openLate = 2

// opened waits for the first verdict of every endpoint, and fails where none of their members can serve anything. It does
// not wait for the last of them where one serves: an attempt of a process with little CPU may take long.
func (c *Conn) opened(parent context.Context, first <-chan error, n int) error {
	limit := time.NewTimer(openLate * c.opts.connectTimeout)
	defer limit.Stop()
	for late := false; n > 0 && !(late && c.set.Serves()); {
		select {
		case <-first:
			n--
		case <-limit.C:
			late = true
		case <-parent.Done():
			if c.set.Serves() && errors.Is(parent.Err(), context.DeadlineExceeded) {
				return nil // the others may answer later
			}
			return c.refused("open", tell.Ended(parent))
		}
	}
	if !c.set.Serves() {
		return c.refused("open", nil)
	}
	return nil
}

// Name returns the name that the connection is registered under.
func (c *Conn) Name() string { return c.name }

// Info returns a snapshot of the connection's endpoints, sorted by address. It never blocks.
func (c *Conn) Info() []Endpoint {
	all := c.set.Info()
	infos := make([]Endpoint, 0, len(all))
	for _, s := range all {
		infos = append(infos, endpointOf(c.name, s))
	}
	return infos
}

// WaitReady waits until at least one endpoint is Active. It returns ErrClosed when the connection closes meanwhile, and
// an error that wraps ErrUnavailable and parent's error when parent ends first.
func (c *Conn) WaitReady(parent context.Context) error {
	if parent == nil {
		return refusal.ErrNilContext
	}
	for {
		active, changed := c.set.Watch()
		switch {
		case c.life.Err() != nil:
			return ErrClosed
		case active > 0:
			return nil
		}
		select {
		case <-changed:
		case <-c.life.Done():
		case <-parent.Done():
			return c.refused("wait", tell.Ended(parent))
		}
	}
}

// Invoke makes a unary call on an Active endpoint, the next in turn, or on the one of [OnEndpoint]. It is what every
// request of this SDK goes through; generated stubs may be used on it directly.
//
// A read that fails on its way, or that a member cannot serve now, is retried on another endpoint until the deadline. A
// read that is not answered within 500 ms (WithHedgeDelay) is sent to a second endpoint as well. A write is retried only
// when it was not sent, or turned away before it was proposed: a write that may have been applied is returned as
// etcderr.Unknown and never sent twice. Retries are paced, and bounded over the connection.
//
// The deadline is parent's, or that of [Within], whichever is earlier; where neither is set, 5 s ([WithDefaultTimeout]). Calls
// that wait for others (Lock, Campaign) or for a whole database (Defragment, Hash, HashKV) have none by default. With no
// Active endpoint the call waits for one, until its deadline or until the outage has lasted for the patience of the
// connection ([WithPatience]); then it fails with ErrUnavailable and the reason of each endpoint, and with the context's
// error where that ended the wait. On a closed connection it is ErrClosed; OnEndpoint of an unknown endpoint is
// ErrEndpoint. Every other failure is an [*etcderr.Error].
func (c *Conn) Invoke(parent context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return c.calls.Invoke(parent, method, args, reply, opts...)
}

// Close closes the connection and frees its name. It refuses new calls, ends streams and the calls under way with
// ErrClosed, joins the connection's goroutines and closes its sockets. That is done at once in every state. An error says
// what has not ended: a state listener that does not return within 1 s, or a function of [Conn.Go], or of the dial options or
// the logger, that does not within 5 s. Later calls return the same.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		registry.remove(c) // whoever looks the name up no longer finds it
		// End what is under way: calls that wait for a retry, streams, the goroutines that look after the endpoints;
		// closing its transport then ends each call that waits for an answer.
		joined := c.life.End()
		c.closeErr = c.joinError(joined)
	})
	return c.closeErr
}

// joinError waits until the goroutines are joined, and reports what has not ended in its time.
func (c *Conn) joinError(joined <-chan struct{}) error {
	began := time.Now()
	for _, limit := range [...]time.Duration{closeTimeout, closeMax} {
		timeout := time.NewTimer(limit - time.Since(began))
		select {
		case <-joined:
			timeout.Stop()
			return nil
		case <-timeout.C:
		}
		if c.listeners.busy.Load() {
			return fmt.Errorf("conn: close %q: the state listener has not returned within %v", c.name, limit)
		}
	}
	return fmt.Errorf("conn: close %q: its goroutines have not ended within %v", c.name, closeMax)
}
