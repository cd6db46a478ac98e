// SPDX-License-Identifier: Apache-2.0

// Package engine is a connection, and the registry of those that are open. Service packages find their connection here by
// its name, and keep on it what their users share. Package conn is what users see of it.
//
// Its files depend on each other in one direction. From below: how a request finds a link, and how long it waits for one
// (patience.go, errors.go), what hooks are told of calls (observe.go), the streams (stream.go), changes of the set of endpoints
// (sync.go), what others keep on a connection or want to be told (services.go, listeners.go), what is different in a namespace
// (space.go, namespaces.go), a connection (conn.go), those that are open (registry.go).
package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/life"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Conn is an open connection. All its methods are safe for concurrent use.
type Conn struct {
	services
	*picker
	*membership
	name      string
	config    Config
	life      *life.Life // ends, with ErrClosed, when the connection closes
	set       *member.Set
	tokens    *member.Tokens // nil without credentials
	calls     *call.Caller
	caller    caller    // makes the calls of users: calls, or inside
	observer  *observer // tells hooks of them
	streams   *opener
	listeners *listeners

	namespaces namespaces // derived from this connection
	inside     *inside    // makes the calls of a namespace; nil for a connection with the whole key space
	from       *Conn      // that this one was derived from; nil for a connection with the whole key space

	// Face is the *conn.Conn of the connection.
	Face any

	leave   func()          // makes the connection unknown
	ending  sync.Once       // leads to joined
	joined  <-chan struct{} // closed when the goroutines have ended, those of the namespaces aside
	closing sync.Once       // leads to failed
	failed  error           // of Close
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// Close waits closeTimeout for a state listener that does not return. It waits closeMax for its own goroutines, which
// end by themselves but may get little CPU.
const (
	closeTimeout = time.Second
	closeMax     = 5 * time.Second
)

func newConn(name string, addresses []member.Address, config Config) *Conn {
	c := &Conn{name: name, config: config, life: life.New(), listeners: newListeners(name, &config)}
	loginTimeout := max(config.ConnectTimeout, config.DefaultTimeout)
	if config.Credentials != nil {
		c.tokens = member.NewTokens(config.Credentials, c.life, loginTimeout)
	}
	c.set = member.NewSet(&member.Config{
		Connection: name, Life: c.life, Random: config.Random, TLS: config.TLS, Files: config.Files, Tokens: c.tokens,
		ConnectTimeout: config.ConnectTimeout, LoginTimeout: loginTimeout,
		CheckInterval: config.CheckInterval, SignOfLife: config.HedgeDelay,
		Backoff: config.Backoff, Log: config.Log, Dial: config.Dial, Network: config.Network, Tell: c.listeners.tell,
	}, addresses)
	c.picker = &picker{
		name: name, life: c.life, set: c.set, patience: config.Patience, transport: transportOf(&config, addresses),
	}
	c.calls = call.New(call.Config{
		Connection: name, Hooks: config.Hooks, Links: c.picker, Life: c.life.Context, Tokens: c.tokens, HedgeDelay: config.HedgeDelay,
		DefaultTimeout: config.DefaultTimeout, Dial: config.Dial, Go: c.life.Go, Batching: config.Batching,
	})
	c.caller, c.observer = c.calls, newObserver(config.Hooks, c.picker)
	c.streams = &opener{
		picker: c.picker, tokens: c.tokens, limits: c.calls.Limits, timeout: config.DefaultTimeout, hooks: config.Hooks,
	}
	c.membership = newMembership(c.picker, c.calls, c.observer, &config)
	return c
}

// derive returns a namespace of the connection: with a life of its own, and all that c has of endpoints.
func (c *Conn) derive(name string, space Space) *Conn {
	n := &Conn{
		name: name, config: c.config, life: life.Under(c.life), set: c.set, tokens: c.tokens, listeners: new(listeners), from: c,
	}
	n.picker = &picker{name: name, life: n.life, set: c.set, patience: c.picker.patience, transport: c.picker.transport}
	n.calls = c.calls.Derive(name, n.picker, n.life)
	n.observer = newObserver(n.config.Hooks, n.picker)
	n.streams = &opener{
		picker: n.picker, within: n.life, tokens: c.tokens, limits: n.calls.Limits, timeout: c.streams.timeout,
		hooks: n.config.Hooks,
	}
	n.membership = c.membership.derive(n.picker, n.calls, n.observer)
	n.inside = &inside{space, n.calls, n.streams}
	n.caller = n.inside
	return n
}

// Whole returns the connection that this one is a namespace of, or the connection itself. It has the whole key space, and all RPCs.
func (c *Conn) Whole() *Conn {
	for c.from != nil {
		c = c.from
	}
	return c
}

// Prefix returns what every key of the connection begins with: "" unless it is a namespace.
func (c *Conn) Prefix() string {
	if c.inside == nil {
		return ""
	}
	return c.inside.space.Prefix()
}

// openLate is how many connect timeouts Open waits for late endpoints once another one serves.
const openLate = 2

// open starts to look after the endpoints. Unless the connection is lazy, it waits for the first verdict of each
// endpoint, and fails if no member can serve anything. Once an endpoint serves, it does not wait for the last
// verdict, because an attempt may take long in a process with little CPU.
func (c *Conn) open(parent context.Context) error {
	c.life.Fork(func() { c.listeners.run(c.life) })
	first, n := c.set.Start()
	if c.config.Lazy {
		return nil
	}
	limit := time.NewTimer(openLate * c.config.ConnectTimeout)
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
			if c.Ready() {
				return fmt.Errorf("conn: open %q: %w", c.name, tell.Ended(parent))
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
func (c *Conn) Info() []member.Snapshot { return c.set.Info() }

// Addresses returns the addresses of the present endpoints.
func (c *Conn) Addresses() []member.Address { return c.set.Addresses() }

// Budget returns how many retries and hedges the budget of the connection has left, and how many a full one has.
func (c *Conn) Budget() (left, full int) { return c.calls.Budget() }

// Active returns the addresses of the endpoints that are Active, sorted. It never blocks.
func (c *Conn) Active() []string {
	var active []string
	for _, s := range c.set.Info() {
		if s.Active {
			active = append(active, s.Address)
		}
	}
	return active
}

// CountLeases adds n to the number of leases that Info shows as kept alive through an endpoint.
func (c *Conn) CountLeases(address string, n int) {
	if e := c.set.Find(address); e != nil {
		e.CountLeases(n)
	}
}

// DefaultTimeout returns the time limit of a call for which nobody sets one.
func (c *Conn) DefaultTimeout() time.Duration { return c.config.DefaultTimeout }

// Renewable reports whether an error says only that the token is no longer valid, and the connection can get another
// one. Service packages use it to decide whether a stream can be resumed.
func (c *Conn) Renewable(err error) bool { return c.tokens.Refused(&member.Token{}, err) }

// Invoke makes a unary call, as package conn documents it.
func (c *Conn) Invoke(parent context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	o, err := call.Split(opts)
	if err != nil {
		return err
	}
	return c.Call(parent, method, args, reply, o)
}

// Call is Invoke for service packages, which know where a call goes.
func (c *Conn) Call(parent context.Context, method string, args, reply any, o call.Options) error {
	return c.observer.call(c.caller, parent, method, args, reply, o)
}

// Read is Call for a read of one key that asks for nothing else.
func (c *Conn) Read(parent context.Context, r call.Read, timeout time.Duration) (*pb.RangeResponse, error) {
	if c.inside == nil {
		return c.observer.read(c.calls, parent, r, timeout)
	}
	answer := new(pb.RangeResponse)
	err := c.Call(parent, pb.KV_Range_FullMethodName, r.Request(), answer, call.Options{Target: call.Target{Timeout: timeout}})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// OpenStream opens a stream, as package conn documents NewStream.
func (c *Conn) OpenStream(parent context.Context, desc *grpc.StreamDesc, method string, o call.Options) (Stream, error) {
	if c.inside != nil {
		return c.inside.open(parent, desc, method, o)
	}
	return c.streams.open(parent, desc, method, o)
}

// NewStream is OpenStream for generated stubs.
func (c *Conn) NewStream(
	parent context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	o, err := call.Split(opts)
	if err != nil {
		return nil, err
	}
	return c.OpenStream(parent, desc, method, o)
}

// Go runs f on a goroutine that belongs to the connection: life ends, with the cause ErrClosed, when the connection
// closes, and Close waits for f to return. On a closed connection it returns ErrClosed and does not run f.
func (c *Conn) Go(f func(life context.Context)) error { return c.life.Go(f) }

// Closed reports whether the connection is closed.
func (c *Conn) Closed() bool { return c.life.Err() != nil }

// Close closes the connection, as package conn documents it.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		began := time.Now()
		c.end()
		c.failed = c.join(began)
		if c.from != nil {
			c.from.namespaces.remove(c)
		}
	})
	return c.failed
}

// end makes the connection and its namespaces unknown, and ends what is under way in them. It waits for nothing, so all of it ends
// at once, also where one goroutine keeps the next step of Close waiting.
func (c *Conn) end() {
	c.ending.Do(func() {
		c.leave() // from now on a look-up of the name fails
		// The namespaces end before the transports are closed, so that what is under way in them ends with ErrClosed.
		for _, n := range c.namespaces.end() {
			n.end()
		}
		// Calls that wait for a retry end, streams too, and the goroutines that look after the endpoints. They close the
		// transports, which ends the calls that wait for an answer.
		c.joined = c.life.End()
	})
}

// join waits for the goroutines of the connection and of its namespaces, and reports those that have not ended in time. All of them
// share the time that began with Close.
func (c *Conn) join(began time.Time) error {
	var failed []error
	for _, n := range c.namespaces.end() {
		failed = append(failed, n.join(began))
	}
	return connerr.All(append(failed, c.joinOwn(began))...)
}

func (c *Conn) joinOwn(began time.Time) error {
	for _, limit := range [...]time.Duration{closeTimeout, closeMax} {
		if c.joinedWithin(limit - time.Since(began)) {
			return nil
		}
		if c.listeners.busy.Load() {
			return fmt.Errorf("conn: close %q: the state listener or a hook has not returned within %v", c.name, limit)
		}
		if c.streams.telling.Load() > 0 {
			return fmt.Errorf("conn: close %q: a stream hook has not returned within %v", c.name, limit)
		}
	}
	if c.inside == nil && c.tokens.Asking() { // the whole connection asks for tokens
		return fmt.Errorf("conn: close %q: the credentials function has not returned within %v", c.name, closeMax)
	}
	if c.config.Hooks.Working() {
		return fmt.Errorf("conn: close %q: a call or attempt hook has not returned within %v", c.name, closeMax)
	}
	return fmt.Errorf("conn: close %q: its goroutines have not ended within %v", c.name, closeMax)
}

func (c *Conn) joinedWithin(d time.Duration) bool {
	select { // first, since no time may be left
	case <-c.joined:
		return true
	default:
	}
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-c.joined:
		return true
	case <-limit.C:
		return false
	}
}
