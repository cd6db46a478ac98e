// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"time"
)

var errNoProxy = errors.New("the cluster was started without WithProxy")

// network is the path between clients and a server. A member has one with [WithProxy], and a [GRPCProxy] and a
// [Balancer] always have one.
type network struct {
	proxy *proxy // nil where there is none
	blame func(method string, err error)
}

// Cut resets all client connections to this server, and every new one. On a member it needs [WithProxy]. It lasts until
// Heal, also over a restart.
func (n *network) Cut() {
	n.set("Cut", func(f *faults) { f.cut = true })
}

// Delay delays every byte between clients and this server by d, in each direction, without limiting the throughput. The
// next Delay replaces it, and 0 turns it off. On a member it needs [WithProxy]. It lasts until Heal, also over a
// restart.
func (n *network) Delay(d time.Duration) {
	n.set("Delay", func(f *faults) { f.delay = d })
}

// Blackhole keeps client connections open and accepts new ones, but no byte passes in either direction. Heal delivers
// the held bytes, as a network does once it works again. So a request may be carried out long after its caller gave up.
// On a member it needs [WithProxy]. It lasts until Heal, also over a restart.
func (n *network) Blackhole() {
	n.set("Blackhole", func(f *faults) { f.blackhole = true })
}

// Heal undoes Cut, Delay, Blackhole, CutIdle, ForgetIdle and RefuseIdle. On a member it needs [WithProxy].
func (n *network) Heal() {
	n.set("Heal", func(f *faults) { *f = faults{} })
}

// Sent returns the number of bytes sent to clients, over all connections so far. On a member it needs [WithProxy].
func (n *network) Sent() int64 {
	return n.count("Sent", func(p *proxy) int64 { return p.sent.Load() })
}

// Received returns the number of bytes received from clients, over all connections so far. On a member it needs
// [WithProxy].
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
