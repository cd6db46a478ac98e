// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

var errNoProxy = errors.New("the cluster was started without WithProxy")

// Cut resets all client connections to this member, and every new one. It needs [WithProxy], and lasts
// until [Member.Heal], also over a restart.
func (m *Member) Cut() {
	m.setFaults("Cut", func(f *faults) { f.cut = true })
}

// Delay adds d to the way of every byte between clients and this member, in each direction, without making
// the way narrower. The next Delay replaces it, and 0 takes it away. It needs [WithProxy], and lasts until
// [Member.Heal], also over a restart.
func (m *Member) Delay(d time.Duration) {
	m.setFaults("Delay", func(f *faults) { f.delay = d })
}

// Blackhole lets client connections to this member live, and new ones come about, but lets nothing through
// in either direction. [Member.Heal] delivers what was held up, as a network does that works again: a
// request whose caller has long given up may still be carried out. It needs [WithProxy], and lasts over a
// restart.
func (m *Member) Blackhole() {
	m.setFaults("Blackhole", func(f *faults) { f.blackhole = true })
}

// Heal undoes [Member.Cut], [Member.Delay] and [Member.Blackhole]. It needs [WithProxy].
func (m *Member) Heal() {
	m.setFaults("Heal", func(f *faults) { *f = faults{} })
}

func (m *Member) setFaults(method string, change func(*faults)) {
	if m.proxy == nil {
		m.failed(method, errNoProxy)
		return
	}
	m.proxy.set(change)
}

// Partition cuts m off from every other member, in both directions; clients still reach it. Partitioned
// members do not reach each other either. It needs [WithProxy], and lasts until [Cluster.HealPartition],
// also over a restart of m.
func (c *Cluster) Partition(m *Member) {
	switch {
	case m == nil || m.cluster != c:
		c.fail(errors.New("Partition of what is no member of the cluster"))
	case c.peers == nil:
		m.failed("Partition", errNoProxy)
	default:
		c.peers.isolate(m)
	}
}

// HealPartition undoes every [Cluster.Partition]. It needs [WithProxy]. The members find each other again
// by themselves, which takes them a moment.
func (c *Cluster) HealPartition() {
	if c.peers == nil {
		c.fail(fmt.Errorf("HealPartition: %w", errNoProxy))
		return
	}
	c.peers.heal()
}

// addProxies makes the member known to others by the addresses of its proxies.
func (m *Member) addProxies() error {
	client, err := m.cluster.ports.reserve()
	if err != nil {
		return err
	}
	peer, err := m.cluster.ports.reserve()
	if err != nil {
		return err
	}
	if m.proxy, err = newProxy(client, m.clientPort.addr()); err == nil {
		m.node, err = m.cluster.peers.add(m, peer)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	if err != nil {
		return err
	}
	m.endpoint = m.cluster.scheme("") + client.addr()
	m.peerURL = "http://" + m.node.name
	return nil
}
