// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

const restartTimeout = 30 * time.Second

var (
	errClosed    = errors.New("the cluster is closed")
	errPortTaken = errors.New("a port was taken by another process")
)

// Member is one etcd server of a [Cluster]. Its methods are safe for concurrent use. Those that start, end or pause the
// process take turns.
type Member struct {
	server
	network // before the client port, with WithProxy

	cluster *Cluster
	index   int

	endpoint, peerURL string // as others know it

	clientPort, peerPort, statusPort port // where the process listens

	node *peerNode // the member's place between its peers, with WithProxy

	id atomic.Uint64

	origin []string // flags that say how the member first comes into the cluster; nil before it does; under mu
}

// makeMember makes a member outside of the cluster, with its ports and proxies.
func (c *Cluster) makeMember() (*Member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	index := len(c.members) + len(c.spare)
	m := &Member{cluster: c, index: index}
	m.server = c.newServer(fmt.Sprintf("m%d", index), m.command)
	m.network.blame = m.server.failed
	for _, p := range []*port{&m.clientPort, &m.peerPort, &m.statusPort} {
		var err error
		if *p, err = c.ports.reserve(); err != nil {
			return nil, fmt.Errorf("reserve a port: %w", err)
		}
	}
	m.endpoint, m.peerURL = c.scheme("")+m.clientPort.addr(), "http://"+m.peerPort.addr()
	c.spare = append(c.spare, m) // before the proxies may fail, so that they are closed
	if c.opts.proxy {
		if err := m.addProxies(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// addProxies puts proxies before the member, whose addresses the others use.
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

// Endpoint returns the address for clients of this member, as in [Cluster.Endpoints].
func (m *Member) Endpoint() string { return m.endpoint }

// PeerURL returns the peer URL in the member list. With [WithProxy] its host is the unspecified address, which works
// only for the cluster's own members.
func (m *Member) PeerURL() string { return m.peerURL }

// ID returns the member ID, which stays the same until [Cluster.Replace].
func (m *Member) ID() uint64 { return m.id.Load() }

// Version returns the version of etcd that the member runs, such as "v3.7.3".
func (m *Member) Version() string { return m.cluster.version }

// Restart stops the member if it runs, and starts it again on its data and its ports. It returns when the process
// serves and, if a majority of the members can reach each other, sees a leader. After 30 s it gives up, which is a
// failure of the cluster.
func (m *Member) Restart() {
	if err := m.restart(); err != nil {
		m.failed("Restart", err)
		return
	}
	ctx, cancel := context.WithTimeoutCause(m.cluster.life, restartTimeout,
		fmt.Errorf("not ready within %v", restartTimeout))
	defer cancel()
	m.failed("Restart", m.awaitUp(ctx))
}

func (m *Member) restart() error {
	m.turn.Lock()
	defer m.turn.Unlock()
	if !m.inCluster() {
		return errors.New("it has not joined the cluster")
	}
	return m.relaunch()
}

// reachable reports whether the member takes part in the cluster.
func (m *Member) reachable() bool {
	return m.answering() && (m.node == nil || !m.node.isolated())
}

// close ends the member for good.
func (m *Member) close() error {
	return errors.Join(m.server.close(), m.network.close())
}

func (m *Member) command() command {
	return command{m.cluster.binary, m.args(), m.env()}
}

// args returns flags that every etcd since 3.4 knows. Timings a little below etcd's defaults make elections quick, and
// still suit a busy machine. Nothing is synced to disk: only a crash of the machine could show the difference. But 3.4
// does not even pass its log to the operating system then, and a kill loses it.
func (m *Member) args() []string {
	c := m.cluster
	advertised := m.endpoint
	if c.certs == nil {
		advertised = "http://" + advertised
	}
	args := []string{
		"--name=" + m.name,
		"--data-dir=" + m.dataDir(),
		"--listen-client-urls=" + m.clientURL(),
		"--advertise-client-urls=" + advertised,
		"--listen-peer-urls=http://" + m.peerPort.addr(),
		"--initial-advertise-peer-urls=" + m.peerURL,
		"--listen-metrics-urls=http://" + m.statusPort.addr(),
		"--heartbeat-interval=50",
		"--election-timeout=500",
		"--logger=zap",
		"--log-level=info",
		"--log-outputs=stderr",
	}
	if !olderThan35[minorOf(c.version)] {
		args = append(args, "--unsafe-no-fsync")
	}
	if c.certs != nil {
		args = append(args, c.certs.serverFlags()...)
	}
	return slices.Concat(args, m.origin, c.opts.flags)
}

func (m *Member) env() []string {
	env := memberEnv()
	if m.node != nil {
		env = append(env, "HTTP_PROXY="+m.node.url())
	}
	return env
}

// clientURL returns the URL where the process itself serves clients, behind any proxy.
func (m *Member) clientURL() string { return m.cluster.scheme("http://") + m.clientPort.addr() }
