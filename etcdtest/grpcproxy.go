// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// proxyTimeout limits the start of a gRPC proxy, which connects to the cluster before it serves.
const proxyTimeout = restartTimeout

// GRPCProxy is etcd's own proxy, "etcd grpc-proxy", before the members of a [Cluster]. Its methods are safe for
// concurrent use. Those that start, end or pause the process take turns.
//
// The proxy differs from a member. It merges several watches into one, chooses the IDs of watches itself, answers no
// progress request, and names itself as the only member. The proxy of 3.4 panics if a client asks for progress, and
// then [GRPCProxy.Alive] is false.
type GRPCProxy struct {
	server
	network

	cluster  *Cluster
	endpoint string
	listen   port
	flags    []string
}

// GRPCProxy starts a gRPC proxy of the members' version before all of them, and returns when it serves. flags come
// after the package's own flags and override them, such as "--namespace=a/". The cluster closes the proxy. An error is
// a failure of the cluster, and the result is nil.
func (c *Cluster) GRPCProxy(flags ...string) *GRPCProxy {
	p, err := c.newGRPCProxy(flags)
	if err == nil {
		err = p.start()
	}
	if err != nil {
		c.fail(fmt.Errorf("GRPCProxy: %w", err))
		return nil
	}
	return p
}

func (c *Cluster) newGRPCProxy(flags []string) (*GRPCProxy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	p := &GRPCProxy{cluster: c, flags: slices.Clone(flags)}
	p.server = c.newServer(fmt.Sprintf("grpc-proxy%d", len(c.proxies)), p.command)
	p.network.blame = p.server.failed
	var err error
	if p.listen, err = c.ports.reserve(); err != nil {
		return nil, err
	}
	before, err := c.ports.reserve()
	if err != nil {
		return nil, err
	}
	if p.network.proxy, err = newProxy(before, p.listen.addr()); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w: %w", errPortTaken, err)
		}
		return nil, err
	}
	p.endpoint = c.scheme("") + before.addr()
	c.proxies = append(c.proxies, p)
	return p, nil
}

// Endpoint returns the address for clients of the proxy, in the form of [Cluster.Endpoints].
func (p *GRPCProxy) Endpoint() string { return p.endpoint }

// Restart stops the proxy if it runs, and starts it again on its port. It returns when the proxy serves and, if the
// cluster has a leader, passes requests on. After 30 s it gives up, which is a failure of the cluster.
func (p *GRPCProxy) Restart() {
	p.failed("Restart", p.start())
}

func (p *GRPCProxy) start() error {
	p.turn.Lock()
	defer p.turn.Unlock()
	if err := p.relaunch(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(p.cluster.life, proxyTimeout, fmt.Errorf("not ready within %v", proxyTimeout))
	defer cancel()
	return p.await(ctx, func(ctx context.Context) bool {
		healthy, err := p.health(ctx)
		return err == nil && (healthy || p.cluster.leader(ctx) == nil)
	})
}

// health reports whether a read through the proxy succeeds. An error means that the proxy does not answer.
func (p *GRPCProxy) health(parent context.Context) (bool, error) {
	url := p.cluster.scheme("http://") + p.listen.addr() + "/health"
	req, err := http.NewRequestWithContext(parent, http.MethodGet, url, nil)
	if err != nil {
		return false, err
	}
	resp, err := p.cluster.http.Do(req)
	if err != nil {
		return false, err
	}
	return resp.StatusCode == http.StatusOK, resp.Body.Close()
}

func (p *GRPCProxy) close() error {
	return errors.Join(p.server.close(), p.network.close())
}

// command uses flags that the proxy of every etcd since 3.4 knows.
func (p *GRPCProxy) command() command {
	c := p.cluster
	args := []string{
		"grpc-proxy", "start",
		"--endpoints=" + strings.Join(c.Endpoints(), ","),
		"--listen-addr=" + p.listen.addr(),
		"--advertise-client-url=" + p.endpoint,
		"--data-dir=" + filepath.Join(c.dir, p.name),
	}
	if c.certs != nil {
		args = append(args, c.certs.proxyFlags()...)
	}
	return command{c.binary, slices.Concat(args, p.flags), memberEnv()}
}
