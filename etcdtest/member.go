// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stopGrace is how long a member has to end by itself. It needs a second to hand its leadership over, and
	// gives calls that are under way six more.
	stopGrace = 10 * time.Second

	restartTimeout = 30 * time.Second
)

var (
	errClosed    = errors.New("the cluster is closed")
	errPortTaken = errors.New("a port was taken by another process")
)

// Member is one etcd server of a [Cluster]. Its methods may be called from several goroutines; those that
// start, end or halt the process take turns.
type Member struct {
	cluster *Cluster
	index   int
	name    string

	endpoint, peerURL string // as others know it

	clientPort, peerPort, statusPort port // where the process listens

	proxy *proxy    // before the client port, with WithProxy
	node  *peerNode // the member's place between its peers, with WithProxy

	id atomic.Uint64

	turn   sync.Mutex // one change of the process at a time
	mu     sync.Mutex
	origin []string // flags that say how the member first comes into the cluster; nil before it does
	proc   *process // nil before the first start
	paused bool
	closed bool
	last   string // the log, once the cluster is closed
}

// makeMember makes a member that is not in the cluster yet, with its ports and proxies.
func (c *Cluster) makeMember() (*Member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	index := len(c.members) + len(c.spare)
	m := &Member{cluster: c, index: index, name: fmt.Sprintf("m%d", index)}
	for _, p := range []*port{&m.clientPort, &m.peerPort, &m.statusPort} {
		var err error
		if *p, err = c.ports.reserve(); err != nil {
			return nil, fmt.Errorf("reserve a port: %w", err)
		}
	}
	m.endpoint, m.peerURL = c.scheme("")+m.clientPort.addr(), "http://"+m.peerPort.addr()
	c.spare = append(c.spare, m) // also where the proxies fail, so that they are closed
	if c.opts.proxy {
		if err := m.addProxies(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Name returns the member's name in the member list: m0, m1 and so on.
func (m *Member) Name() string { return m.name }

// Endpoint returns where clients connect to this member, as in [Cluster.Endpoints].
func (m *Member) Endpoint() string { return m.endpoint }

// PeerURL returns the peer URL in the member list. With [WithProxy] its host is the unspecified address,
// at which nothing but the cluster's own members should be looked for.
func (m *Member) PeerURL() string { return m.peerURL }

// ID returns the member ID, which is the same for all of the member's life.
func (m *Member) ID() uint64 { return m.id.Load() }

// Version returns the version of etcd that the member runs, such as "v3.7.3".
func (m *Member) Version() string { return m.cluster.version }

// Kill ends the process with SIGKILL, as a crash would, and returns once it is gone. What etcd has written
// is kept for [Member.Restart]. On a member that does not run it does nothing.
func (m *Member) Kill() {
	m.change("Kill", func(p *process) error { return p.kill() })
}

// Stop ends the process with SIGTERM and returns once it is gone; a leader hands its leadership over first.
// After 10 s it is killed. A paused member is resumed first. On a member that does not run it does nothing.
func (m *Member) Stop() {
	m.change("Stop", m.stop)
}

// Pause halts the process with SIGSTOP and returns once it stands still. Its connections stay open and new
// ones are accepted by the kernel, but nothing is answered until [Member.Resume]. The member must be running.
func (m *Member) Pause() {
	m.turn.Lock()
	defer m.turn.Unlock()
	p := m.running()
	if p == nil {
		m.failed("Pause", errors.New("not running"))
		return
	}
	err := p.pause()
	if err == nil {
		m.setPaused(true)
		err = p.awaitHalt()
	}
	m.failed("Pause", err)
}

// Resume undoes [Member.Pause]. On a member that is not paused it does nothing.
func (m *Member) Resume() {
	m.change("Resume", func(p *process) error {
		err := p.resume()
		if err == nil {
			m.setPaused(false)
		}
		return err
	})
}

// Restart starts the member again on its data and its ports, and stops it first where it runs. It returns
// when the process serves and, if a majority of the members can reach each other, when the member sees a
// leader. It gives up after 30 s, which is a failure of the cluster.
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
	if p := m.running(); p != nil {
		if err := m.stop(p); err != nil {
			return err
		}
	}
	return m.launch()
}

func (m *Member) stop(p *process) error {
	_ = p.resume()
	return p.stop(stopGrace)
}

// change applies f to the process, if there is one, in turn with other changes.
func (m *Member) change(method string, f func(*process) error) {
	m.turn.Lock()
	defer m.turn.Unlock()
	if p := m.running(); p != nil {
		m.failed(method, f(p))
	}
}

func (m *Member) failed(method string, err error) {
	if err != nil {
		m.cluster.fail(fmt.Errorf("%s of %s: %w", method, m.name, err))
	}
}

// running returns the process, or nil where it has ended.
func (m *Member) running() *process {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.proc == nil || m.proc.ended() {
		return nil
	}
	return m.proc
}

// reachable tells whether the member takes part in the cluster.
func (m *Member) reachable() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	isolated := m.node != nil && m.node.isolated()
	return m.proc != nil && !m.proc.ended() && !m.paused && !isolated
}

func (m *Member) setPaused(paused bool) {
	m.mu.Lock()
	m.paused = paused
	m.mu.Unlock()
}

// launch starts the process. The caller has seen to it that none runs.
func (m *Member) launch() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return errClosed
	}
	p, err := startProcess(m.cluster.binary, m.args(), m.env(), m.logPath())
	if err != nil {
		return err
	}
	m.proc, m.paused = p, false
	return nil
}

// close ends the member for good.
func (m *Member) close() error {
	m.mu.Lock()
	m.closed = true
	p := m.proc
	m.mu.Unlock()
	var err error
	if p != nil {
		err = p.kill()
	}
	if m.proxy != nil {
		err = errors.Join(err, m.proxy.close())
	}
	log := m.Log()
	m.mu.Lock()
	m.last = log
	m.mu.Unlock()
	return err
}

// args are flags that every etcd since 3.4 knows. Timings a little under etcd's own make elections quick
// and still leave a busy machine room. Nothing is synced to disk, which only a crash of the machine would
// tell from the real thing; but 3.4 does not even hand its log to the operating system then, and loses it
// when it is killed.
func (m *Member) args() []string {
	c := m.cluster
	advertised := m.endpoint
	if c.certs == nil {
		advertised = "http://" + advertised
	}
	args := []string{
		"--name=" + m.name,
		"--data-dir=" + filepath.Join(c.dir, m.name),
		"--listen-client-urls=" + m.clientURL(),
		"--advertise-client-urls=" + advertised,
		"--listen-peer-urls=http://" + m.peerPort.addr(),
		"--initial-advertise-peer-urls=" + m.peerURL,
		"--listen-metrics-urls=http://" + m.statusPort.addr(),
		"--initial-cluster-token=" + filepath.Base(c.dir),
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

// clientURL is where the process itself serves clients, behind any proxy.
func (m *Member) clientURL() string { return m.cluster.scheme("http://") + m.clientPort.addr() }
