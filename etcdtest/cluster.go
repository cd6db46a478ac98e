// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	startTimeout = 60 * time.Second // from the start of processes until all are ready
	startTries   = 5                // with other ports, when somebody took ours

	pollInterval  = 20 * time.Millisecond
	leaderTimeout = 10 * time.Second
)

// Cluster is a set of etcd members. Its methods are safe for concurrent use.
type Cluster struct {
	tb      testing.TB // nil for Run
	opts    options
	binary  string
	version string
	dir     string
	ports   portSet
	certs   *certificates // nil for plaintext
	peers   *peerNetwork  // nil without WithProxy
	http    *http.Client

	replaced atomic.Int64 // how often, by Replace

	life context.Context // ends with Close
	end  context.CancelCauseFunc

	closing  sync.Once
	closeErr error

	mu        sync.Mutex
	members   []*Member
	spare     []*Member // of NewMember, and not in the cluster yet
	proxies   []*GRPCProxy
	balancers []*Balancer
	err       error // the first failure
	closed    bool
}

func launch(parent context.Context, tb testing.TB, opts []Option) (*Cluster, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	binary, err := findBinary(parent, o.version)
	if err != nil {
		return nil, err
	}
	version, err := versionOf(parent, binary)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		c := &Cluster{tb: tb, opts: o, binary: binary, version: version}
		err := c.boot(parent)
		if err == nil {
			return c, nil
		}
		if try == startTries || !errors.Is(err, errPortTaken) {
			return nil, err
		}
	}
}

// boot starts the members and waits for them. After an error nothing is left.
func (c *Cluster) boot(parent context.Context) (err error) {
	c.life, c.end = context.WithCancelCause(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, c.shutdown())
		}
	}()
	if c.dir, err = os.MkdirTemp("", "etcdtest-"); err != nil {
		return err
	}
	if c.opts.tls {
		if c.certs, err = newCertificates(c.dir); err != nil {
			return err
		}
	}
	if c.opts.proxy {
		c.peers = newPeerNetwork()
	}
	c.http = c.newHTTPClient()
	for range c.opts.size {
		if _, err := c.makeMember(); err != nil {
			return err
		}
	}
	members := c.takeIn(c.spare...)
	foundAll(members, c.token())

	ctx, cancel := context.WithTimeoutCause(parent, startTimeout, fmt.Errorf("not ready within %v", startTimeout))
	defer cancel()
	return startAll(ctx, members)
}

// Endpoints returns the addresses for clients, one per member in the order of [Cluster.Member]: "127.0.0.1:port", or
// "https://127.0.0.1:port" with [WithTLS].
func (c *Cluster) Endpoints() []string {
	members := c.Members()
	endpoints := make([]string, len(members))
	for i, m := range members {
		endpoints[i] = m.Endpoint()
	}
	return endpoints
}

// Size returns the number of members, running or not.
func (c *Cluster) Size() int { return len(c.Members()) }

// Member returns the member with index i, counted from 0. A bad index is a failure of the cluster, and the result is
// nil.
func (c *Cluster) Member(i int) *Member {
	members := c.Members()
	if i < 0 || i >= len(members) {
		c.fail(fmt.Errorf("Member(%d) of a cluster of %d", i, len(members)))
		return nil
	}
	return members[i]
}

// Members returns all members, running or not: first those of the start, then those that joined, in that order. A
// member that was removed from the cluster stays in the list. Its process ends by itself, and must not be started
// again.
func (c *Cluster) Members() []*Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.members)
}

// Leader returns the leader of a majority of voting members that run and are neither paused nor partitioned. It waits
// up to 10 s for a leader, and for a former leader to notice its loss. Without a leader it returns nil, which is not a
// failure of the cluster.
func (c *Cluster) Leader() *Member {
	ctx, cancel := context.WithTimeout(c.life, leaderTimeout)
	defer cancel()
	var leader *Member
	_ = poll(ctx, func(ctx context.Context) (done bool, err error) {
		leader = c.leader(ctx)
		return leader != nil, nil
	})
	return leader
}

// leader is [Cluster.Leader] without the wait.
func (c *Cluster) leader(parent context.Context) *Member {
	var leader *Member
	for _, m := range c.Members() {
		if majority, err := m.hasMajority(parent); err != nil || !majority {
			continue
		}
		if s, err := m.status(parent); err == nil && s.leads {
			if leader != nil {
				return nil
			}
			leader = m
		}
	}
	return leader
}

// TLSConfig returns the configuration for clients of a cluster with [WithTLS]: the cluster's authority as the only
// root, and a client certificate. Without WithTLS it returns nil. Each call returns a copy that the caller may change,
// for example to make handshakes fail.
func (c *Cluster) TLSConfig() *tls.Config {
	if c.certs == nil {
		return nil
	}
	return c.certs.clientConfig()
}

// TLSFiles returns the PEM files with the cluster's authority, a client certificate and its key, for programs that read
// files. Without [WithTLS] it returns empty strings. The files are removed with the cluster.
func (c *Cluster) TLSFiles() (ca, cert, key string) {
	if c.certs == nil {
		return "", "", ""
	}
	return c.certs.caFile, c.certs.clientFile, c.certs.clientKeyFile
}

// Close kills the members, closes the proxies and removes all data. Its error includes [Cluster.Err]. Later calls
// return the same. A cluster from [Start] needs no Close.
func (c *Cluster) Close() error {
	return errors.Join(c.Err(), c.shutdown())
}

func (c *Cluster) shutdown() error {
	c.closing.Do(func() {
		c.mu.Lock()
		c.closed = true
		members := slices.Concat(c.members, c.spare)
		proxies, balancers := c.proxies, c.balancers
		c.mu.Unlock()
		c.end(errClosed)
		var errs []error
		for _, b := range balancers {
			errs = append(errs, b.close())
		}
		for _, p := range proxies {
			errs = append(errs, p.close())
		}
		for _, m := range members {
			errs = append(errs, m.close())
		}
		if c.peers != nil {
			errs = append(errs, c.peers.close())
		}
		if c.http != nil {
			c.http.CloseIdleConnections()
		}
		if c.dir != "" {
			errs = append(errs, os.RemoveAll(c.dir))
		}
		c.ports.release()
		c.closeErr = errors.Join(errs...)
	})
	return c.closeErr
}

// newServer returns a server of the cluster that has not been started yet.
func (c *Cluster) newServer(name string, command func() command) server {
	return server{name: name, logPath: filepath.Join(c.dir, name+".log"), command: command, fail: c.fail}
}

func (c *Cluster) newHTTPClient() *http.Client {
	t := &http.Transport{DisableKeepAlives: true, TLSClientConfig: c.TLSConfig()}
	return &http.Client{Transport: t, Timeout: 5 * time.Second}
}

// poll calls what until it is done or fails, or the time is over.
func poll(parent context.Context, what func(context.Context) (done bool, err error)) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if done, err := what(parent); done || err != nil {
			return err
		}
		select {
		case <-parent.Done():
			return context.Cause(parent)
		case <-tick.C:
		}
	}
}
