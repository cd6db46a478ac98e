// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"time"
)

var errNoProxy = errors.New("the cluster was started without WithProxy")

// network is the way between clients and a server. A member has one with [WithProxy]; a [GRPCProxy] and a [Balancer]
// always have.
type network struct {
	proxy *proxy // nil where there is none
	blame func(method string, err error)
}

// Cut resets all client connections to this server, and every new one. On a member it needs [WithProxy]. It lasts until
// Heal, also over a restart.
func (n *network) Cut() {
	n.set("Cut", func(f *faults) { f.cut = true })
}

// Delay adds d to the way of every byte between clients and this server, in each direction, without making
// the way narrower. The next Delay replaces it, and 0 takes it away. On a member it needs [WithProxy]. It lasts until
// Heal, also over a restart.
func (n *network) Delay(d time.Duration) {
	n.set("Delay", func(f *faults) { f.delay = d })
}

// Blackhole lets client connections to this server live, and new ones come about, but lets nothing through
// in either direction. Heal delivers what was held up, as a network does that works again: a
// request whose caller has long given up may still be carried out. On a member it needs [WithProxy]. It lasts over a
// restart.
func (n *network) Blackhole() {
	n.set("Blackhole", func(f *faults) { f.blackhole = true })
}

// Heal undoes Cut, Delay, Blackhole, CutIdle, ForgetIdle and RefuseIdle. On a member it needs [WithProxy].
func (n *network) Heal() {
	n.set("Heal", func(f *faults) { *f = faults{} })
}

// Sent returns how many bytes have gone to clients, over all connections so far. On a member it needs [WithProxy].
func (n *network) Sent() int64 {
	return n.count("Sent", func(p *proxy) int64 { return p.sent.Load() })
}

// Received returns how many bytes have come from clients, over all connections so far. On a member it needs [WithProxy].
func (n *network) Received() int64 {
	return n.count("Received", func(p *proxy) int64 { return p.received.Load() })
}

func (n *network) set(method string, change func(*faults)) {
	if n.proxy == nil {
		n.blame(method, errNoProxy)
		return
	}
	n.proxy.set(change)
}

func (n *network) count(method string, of func(*proxy) int64) int64 {
	if n.proxy == nil {
		n.blame(method, errNoProxy)
		return 0
	}
	return of(n.proxy)
}

func (n *network) close() error {
	if n.proxy == nil {
		return nil
	}
	return n.proxy.close()
}
