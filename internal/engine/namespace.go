// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"maps"
	"slices"
	"sync"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/life"
)

// Space translates the messages of a namespace. Package internal/namespace has one.
type Space interface {
	// Translates reports whether the messages of an RPC are translated. It returns an error for an RPC that is refused.
	Translates(method string) (bool, error)
	// Request returns the message to send for a request.
	Request(method string, request any) (any, error)
	// Answer returns the message to receive an answer into.
	Answer(method string, answer any) (any, error)
	// Received completes the user's answer with the one that was received.
	Received(method string, received, answer any) error
}

// Namespace opens a connection that uses the endpoints of c, and whose messages space translates. It closes with c. face makes the
// *conn.Conn for it.
func (c *Conn) Namespace(name string, space Space, face func(*Conn) any) (*Conn, error) {
	name, err := registry.reserve(name)
	if err != nil {
		return nil, err
	}
	n := c.derive(name)
	n.space = space
	n.Face = face(n)
	n.leave = func() {
		registry.remove(n)
		c.namespaces.remove(n)
	}
	if !c.namespaces.add(n) {
		registry.free(name)
		return nil, connerr.Closed(c.name)
	}
	return n, nil
}

// derive returns a connection with a life of its own, which shares all that c has of endpoints.
func (c *Conn) derive(name string) *Conn {
	n := &Conn{
		name: name, config: c.config, life: life.Under(c.life), set: c.set, tokens: c.tokens, listeners: new(listeners), whole: c.Whole(),
	}
	n.picker = &picker{name: name, life: n.life, set: c.set, patience: c.picker.patience, transport: c.picker.transport}
	n.calls = c.calls.Derive(n.picker, n.life.Context)
	n.streams = &opener{picker: n.picker, tokens: c.tokens, limits: n.calls.Limits, timeout: c.streams.timeout}
	n.membership = c.membership.derive(n.picker, n.calls)
	return n
}

// Whole returns the connection that this one is a namespace of, or the connection itself. It has the whole key space, and all RPCs.
func (c *Conn) Whole() *Conn {
	if c.whole == nil {
		return c
	}
	return c.whole
}

// call is Invoke in a namespace.
func (c *Conn) call(parent context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	translates, err := c.space.Translates(method)
	if err != nil {
		return err
	}
	if !translates {
		return c.calls.Invoke(parent, method, args, reply, opts...)
	}
	request, err := c.space.Request(method, args)
	if err != nil {
		return err
	}
	answer, err := c.space.Answer(method, reply)
	if err != nil {
		return err
	}
	if err := c.calls.Invoke(parent, method, request, answer, opts...); err != nil {
		return err
	}
	return c.space.Received(method, answer, reply)
}

// openStream is OpenStream in a namespace.
func (c *Conn) openStream(parent context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (Stream, error) {
	translates, err := c.space.Translates(method)
	if err != nil {
		return nil, err
	}
	s, err := c.streams.open(parent, desc, method, opts...)
	if err != nil || !translates {
		return s, err
	}
	return &translatedStream{Stream: s, space: c.space, method: method}, nil
}

// translatedStream is a stream of a namespace.
type translatedStream struct {
	Stream
	space  Space
	method string
}

func (s *translatedStream) SendMsg(m any) error {
	request, err := s.space.Request(s.method, m)
	if err != nil {
		s.Abort() // as gRPC has it: a stream is over after an error
		return err
	}
	return s.Stream.SendMsg(request)
}

func (s *translatedStream) RecvMsg(m any) error {
	answer, err := s.space.Answer(s.method, m)
	if err == nil {
		if err := s.Stream.RecvMsg(answer); err != nil {
			return err
		}
		err = s.space.Received(s.method, answer, m)
	}
	if err != nil {
		s.Abort()
	}
	return err
}

// namespaces are the open namespaces of a connection.
type namespaces struct {
	mu     sync.Mutex
	open   map[*Conn]bool
	closed bool
}

// add publishes a namespace. It reports false if the connection is closed.
func (n *namespaces) add(c *Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	if n.open == nil {
		n.open = map[*Conn]bool{}
	}
	n.open[c] = true
	registry.add(c) // with the lock held, so that close finds it there
	return true
}

func (n *namespaces) remove(c *Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// close closes the open namespaces, all at once, and refuses further ones.
func (n *namespaces) close() error {
	n.mu.Lock()
	n.closed = true
	open := slices.Collect(maps.Keys(n.open))
	n.mu.Unlock()
	errs := make([]error, len(open))
	var closing sync.WaitGroup
	for i, c := range open {
		closing.Go(func() { errs[i] = c.Close() })
	}
	closing.Wait()
	return connerr.All(errs...)
}
