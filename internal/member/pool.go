// SPDX-License-Identifier: Apache-2.0

package member

import (
	"sync"

	"google.golang.org/grpc"
)

// pool holds the channels of one connection that take new lines: at most one for lines in the clear, and one for lines over TLS. A
// channel takes none after a connection of it has ended. So after one endpoint was redialled, the next ones to be redialled join it.
type pool struct {
	mu    sync.Mutex
	plain *channel
	tls   *channel
}

// of returns the place of the channel for lines with or without TLS.
func (p *pool) of(secure bool) **channel {
	if secure {
		return &p.tls
	}
	return &p.plain
}

// line makes a line of the shared channel. opts make that channel if there is none that takes lines.
func (p *pool) line(w *way, opts func() []grpc.DialOption) (*line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	place := p.of(w.address.Secure)
	c := *place
	if c == nil || c.spent.Load() {
		var err error
		if c, err = newChannel("endpoints", opts()); err != nil {
			return nil, err
		}
	}
	l, err := c.line(w, w.authority())
	if err != nil {
		if c.users == 0 {
			_ = c.cc.Close()
		}
		return nil, err
	}
	*place = c
	c.users++
	l.release = func() { p.release(c, place) }
	return l, nil
}

// release closes a channel with its last line.
func (p *pool) release(c *channel, place **channel) {
	p.mu.Lock()
	c.users--
	last := c.users == 0
	if last && *place == c {
		*place = nil
	}
	p.mu.Unlock()
	if last {
		_ = c.cc.Close() // it fails only when closed already
	}
}
