// SPDX-License-Identifier: Apache-2.0

package call

import "sync"

// pool keeps the calls of a connection that have ended, to reuse them. Calls that ask for a leader are kept apart,
// because their contexts differ.
type pool struct {
	plain, leader sync.Pool
	shared        *common
	hedge         func(*unary) // what happens when a call has been silent for the hedge delay
}

func (p *pool) of(t traits) *sync.Pool {
	if t&(read|local) != 0 {
		return &p.plain
	}
	return &p.leader
}

// get returns a call that has ended, or a new one.
func (p *pool) get(t traits) *unary {
	kept := p.of(t)
	u, ok := kept.Get().(*unary)
	if !ok {
		u = &unary{shared: p.shared}
		u.init(kept == &p.leader, func() { p.hedge(u) })
	}
	u.traits = t
	return u
}

// put ends the call, and keeps what it allocated for another one where that is safe.
func (p *pool) put(u *unary) {
	if !u.reusable() {
		u.cancel()
		return
	}
	u.parent, u.args, u.reply, u.options, u.link, u.over, u.observed, u.progress = nil, nil, nil, Options{}, nil, nil, nil, nil
	u.timed = false
	p.of(u.traits).Put(u)
}
