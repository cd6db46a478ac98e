// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// peerNetwork carries the traffic between the members, and can cut members off from all others.
//
// To cut a member off in both directions the proxy must know the sender. The address of a connection does not tell
// that, and not every request does. So each member has its own proxy for what it sends: an ordinary HTTP proxy, named
// in the member's environment, and the request has its destination. Go's HTTP client uses no proxy for a loopback
// address, so the members know each other as 0.0.0.0 with the port of their own proxy. That is only a name, and nobody
// listens on it. A client that learns such an address and uses no proxy still gets to the right member, as a stranger.
type peerNetwork struct {
	transport *http.Transport

	mu       sync.Mutex
	nodes    []*peerNode
	isolated map[*Member]bool
	delays   map[*Member]peerDelay
	changed  chan struct{} // closed, and replaced, when delays change
	flows    map[*peerFlow]struct{}
	closed   bool

	bodies sync.WaitGroup // what fetches them
}

// peerNode is a member's place in the network.
type peerNode struct {
	network *peerNetwork
	member  *Member
	addr    string // of the proxy for what the member sends
	name    string // host and port as the other members know it
	server  *http.Server
	inbound *httputil.ReverseProxy // to the member
	serving sync.WaitGroup
}

// peerFlow is one request, which may be a stream that lasts as long as the connection.
type peerFlow struct {
	from, to *Member // from is nil for a stranger
	life     context.Context
	cancel   context.CancelFunc
}

// flowKey is the context key of a request's flow.
type flowKey struct{}

func newPeerNetwork() *peerNetwork {
	return &peerNetwork{
		transport: &http.Transport{MaxIdleConnsPerHost: 16},
		isolated:  make(map[*Member]bool),
		delays:    make(map[*Member]peerDelay),
		changed:   make(chan struct{}),
		flows:     make(map[*peerFlow]struct{}),
	}
}

// add puts a member into the network, reachable and sending through the given port.
func (n *peerNetwork) add(m *Member, at port) (*peerNode, error) {
	listener, err := net.Listen("tcp4", at.addr())
	if err != nil {
		return nil, err
	}
	silent := log.New(io.Discard, "", 0)
	node := &peerNode{network: n, member: m, addr: at.addr(), name: fmt.Sprintf("0.0.0.0:%d", at.number)}
	target := &url.URL{Scheme: "http", Host: m.peerPort.addr()}
	node.inbound = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host
		},
		Transport: n.transport,
		ModifyResponse: func(r *http.Response) error {
			if f, ok := r.Request.Context().Value(flowKey{}).(*peerFlow); ok {
				r.Body = n.delayBody(f, r.Body)
			}
			return nil
		},
		FlushInterval: -1, // raft's streams must not be held up
		ErrorLog:      silent,
		// A member that is down does not answer 502.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { breakOff(w) },
	}
	node.server = &http.Server{Handler: node, ErrorLog: silent}
	node.serving.Go(func() { _ = node.server.Serve(listener) })
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes = append(n.nodes, node)
	return node, nil
}

func (node *peerNode) url() string { return "http://" + node.addr }

// ServeHTTP passes on what the node's member sends to another one, or a stranger to this one.
func (node *peerNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, to := node.member, node.network.find(r.URL.Host)
	if r.URL.Host == "" {
		from, to = nil, node
	}
	if to == nil {
		breakOff(w)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	flow := &peerFlow{from: from, to: to.member, life: ctx, cancel: cancel}
	if !node.network.enter(flow) {
		breakOff(w)
		return
	}
	defer node.network.leave(flow)
	r = r.WithContext(context.WithValue(ctx, flowKey{}, flow))
	r.Body = node.network.delayBody(flow, r.Body)
	to.inbound.ServeHTTP(w, r)
}

// breakOff ends a connection without an answer, as if the other side were not there.
func breakOff(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		reset(conn)
	}
}

func (n *peerNetwork) find(name string) *peerNode {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, node := range n.nodes {
		if node.name == name {
			return node
		}
	}
	return nil
}

// enter admits a request unless a partition blocks it. A new partition cancels it until leave.
func (n *peerNetwork) enter(f *peerFlow) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.separated(f) {
		return false
	}
	n.flows[f] = struct{}{}
	return true
}

func (n *peerNetwork) leave(f *peerFlow) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.flows, f)
}

// separated needs mu held.
func (n *peerNetwork) separated(f *peerFlow) bool {
	return f.from != f.to && (n.isolated[f.from] || n.isolated[f.to])
}

// isolate cuts a member off, and breaks what is under way to and from it.
func (n *peerNetwork) isolate(m *Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.isolated[m] = true
	for f := range n.flows {
		if n.separated(f) {
			f.cancel()
		}
	}
}

func (n *peerNetwork) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.isolated)
}

func (node *peerNode) isolated() bool {
	node.network.mu.Lock()
	defer node.network.mu.Unlock()
	return node.network.isolated[node.member]
}

// close ends all traffic, and returns when no goroutine of the network is left.
func (n *peerNetwork) close() error {
	n.mu.Lock()
	n.closed = true
	for f := range n.flows {
		f.cancel()
	}
	nodes := n.nodes
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var errs []error
	for _, node := range nodes {
		// Shutdown waits for the handlers, which Close does not. They have just been cancelled.
		if node.server.Shutdown(ctx) != nil {
			errs = append(errs, node.server.Close())
		}
		node.serving.Wait()
	}
	n.transport.CloseIdleConnections()
	n.bodies.Wait()
	return errors.Join(errs...)
}
