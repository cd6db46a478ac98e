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
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/refusal"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// Conn is an open connection. It implements [grpc.ClientConnInterface], so that generated stubs work on it. All its
// methods are safe for concurrent use.
type Conn struct {
	name      string
	opts      *options
	endpoints endpoints
	secure    bool // the transport is TLS
	rotation  *rotation
	budget    *budget
	listeners *listeners
	tokens    *tokens // nil without credentials
	calls     calls
	limits    func() limits // of what the dial options set for all calls
	services  services
	hurried   chan struct{}            // of mode Random
	searching atomic.Bool              // mode Random looks for an endpoint, and has not tried each of them yet
	proven    atomic.Pointer[endpoint] // of mode Random: just seen to work, and so the next one; nil: any

	membership membership

	life  context.Context // ends, with ErrClosed, when the connection closes
	end   context.CancelCauseFunc
	tasks sync.WaitGroup // every goroutine of the connection

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

func newConn(name string, addresses []address, o *options) *Conn {
	c := &Conn{
		name: name, opts: o, rotation: newRotation(), budget: newBudget(), listeners: newListeners(o),
		hurried: make(chan struct{}, 1),
	}
	if o.ask != nil {
		c.tokens = newTokens(o.ask)
	}
	c.limits = sync.OnceValue(func() limits { return limitsOf(o.dial) })
	c.life, c.end = context.WithCancelCause(context.Background())
	c.membership.turn = make(chan struct{}, 1)
	c.secure = o.tls != nil
	var all []*endpoint
	for _, a := range addresses {
		all = append(all, newEndpoint(c, a))
		c.secure = c.secure || a.secure
	}
	c.endpoints.Store(all)
	return c
}

// endpoints is the set of a connection's endpoints. Reading it takes no lock; it is replaced as a whole.
type endpoints struct{ now atomic.Pointer[[]*endpoint] }

func (e *endpoints) Store(all []*endpoint) { e.now.Store(&all) }

// all are the endpoints there are now. The slice is not to be changed.
func (c *Conn) all() []*endpoint { return *c.endpoints.now.Load() }

// start starts the goroutines that look after the endpoints, and returns where their first verdicts arrive and how
// many there will be.
func (c *Conn) start() (<-chan error, int) {
	all := c.all()
	first := make(chan error, len(all))
	c.tasks.Go(func() { c.listeners.run(c.life) })
	if c.opts.mode == Random {
		for _, e := range all {
			e.err = errStandby
		}
		c.tasks.Go(func() { c.keepOne(c.life, firstTo(first)) })
		return first, 1
	}
	for _, e := range all {
		c.tasks.Go(func() { e.keep(e.life, firstTo(first)) })
	}
	return first, len(all)
}

// firstTo makes a function that sends what it is called with to first, the first time.
func firstTo(first chan<- error) (verdict func(error)) {
	return func(err error) {
		if first != nil {
			first <- err
			first = nil
		}
	}
}

// openLate is how many connect timeouts Open waits for endpoints that have no verdict yet where another one serves.
const openLate = 2

// opened waits for the first verdict of every endpoint, and fails where none of their members can serve anything. It does
// not wait for the last of them where one serves: an attempt of a process with little CPU may take long.
func (c *Conn) opened(parent context.Context, first <-chan error, n int) error {
	limit := time.NewTimer(openLate * c.opts.connectTimeout)
	defer limit.Stop()
	for late := false; n > 0 && !(late && c.serves()); {
		select {
		case <-first:
			n--
		case <-limit.C:
			late = true
		case <-parent.Done():
			if c.serves() && errors.Is(parent.Err(), context.DeadlineExceeded) {
				return nil // the others may answer later
			}
			return c.refused("open", tell.Ended(parent))
		}
	}
	if !c.serves() {
		return c.refused("open", nil)
	}
	return nil
}

// serves reports whether an endpoint is Active, which proves that the cluster has a majority, or a member at least serves
// what needs no leader: all that can be had of a cluster without a majority.
func (c *Conn) serves() bool {
	active, _ := c.rotation.watch()
	return active > 0 || slices.ContainsFunc(c.all(), func(e *endpoint) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.aside != nil || e.phase == returning
	})
}

// Name returns the name that the connection is registered under.
func (c *Conn) Name() string { return c.name }

// Info returns a snapshot of the connection's endpoints, sorted by address. It never blocks.
func (c *Conn) Info() []Endpoint {
	all := c.all()
	infos := make([]Endpoint, 0, len(all))
	for _, e := range all {
		infos = append(infos, e.snapshot())
	}
	slices.SortFunc(infos, func(a, b Endpoint) int { return cmp.Compare(a.Address, b.Address) })
	return infos
}

// WaitReady waits until at least one endpoint is Active. It returns ErrClosed when the connection closes meanwhile, and
// an error that wraps ErrUnavailable and parent's error when parent ends first.
func (c *Conn) WaitReady(parent context.Context) error {
	if parent == nil {
		return refusal.ErrNilContext
	}
	for {
		active, changed := c.rotation.watch()
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

// Close closes the connection and frees its name. It refuses new calls, ends streams and the calls under way with
// ErrClosed, joins the connection's goroutines and closes its sockets. That is done at once in every state. An error says
// what has not ended: a state listener that does not return within 1 s, or a function of [Conn.Go], or of the dial options or
// the logger, that does not within 5 s. Later calls return the same.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		// Refuse new work: whoever looks the name up no longer finds it.
		registry.remove(c)
		c.services.refuse()
		// End what is under way: calls that wait for a retry, streams, the supervisors of the endpoints; closing
		// its transport then ends each call that waits for an answer.
		c.end(ErrClosed)
		// Join.
		joined := make(chan struct{})
		go func() {
			c.tasks.Wait()
			close(joined)
		}()
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
