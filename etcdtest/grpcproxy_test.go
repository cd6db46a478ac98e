// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"strings"
	"testing"
	"time"
)

func TestGRPCProxyPassesRequestsOnToTheMembers(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]Option{
		"plaintext":     {WithSize(3)},
		"tls":           {WithTLS()},
		"tls and proxy": {WithTLS(), WithProxy()},
	} {
		t.Run(name, func(t *testing.T) {
			c := Start(t, opts...)
			p := c.GRPCProxy()
			if err := dialGRPC(t, p.Endpoint(), c.TLSConfig()).put(5*time.Second, "k", "v"); err != nil {
				t.Fatalf("the first put through the proxy: %v", err)
			}
			mustGet(t, clientOf(c, c.Member(0)), "k", "v")
			if p.Sent() == 0 || p.Received() == 0 {
				t.Errorf("the proxy has sent %d bytes to clients, and received %d", p.Sent(), p.Received())
			}
		})
	}
}

func TestGRPCProxyTakesFlags(t *testing.T) {
	t.Parallel()
	c := Start(t)
	p := c.GRPCProxy("--namespace=a/")
	if err := dialGRPC(t, p.Endpoint(), nil).put(5*time.Second, "k", "v"); err != nil {
		t.Fatal(err)
	}
	mustGet(t, clientOf(c, c.Member(0)), "a/k", "v")
}

func TestGRPCProxyReturnsAtItsAddressAfterItsEnd(t *testing.T) {
	t.Parallel()
	c := Start(t)
	p := c.GRPCProxy()
	endpoint := p.Endpoint()
	g := dialGRPC(t, endpoint, nil)
	for name, end := range map[string]func(){
		"Kill":  p.Kill,
		"Stop":  p.Stop,
		"crash": func() { _ = p.running().kill() }, // nobody asked for it
	} {
		t.Run(name, func(t *testing.T) {
			if !p.Alive() {
				t.Error("not alive before its end")
			}
			end()
			if p.Alive() {
				t.Error("alive after its end")
			}
			if err := g.put(time.Second, "k", "v"); err == nil {
				t.Error("a proxy that has ended took a put")
			}
			p.Restart()
			if !p.Alive() || p.Endpoint() != endpoint {
				t.Errorf("alive: %t, at %s; was at %s", p.Alive(), p.Endpoint(), endpoint)
			}
			eventually(t, 15*time.Second, "put after the restart", func() error { return g.put(time.Second, "k", "v") })
		})
	}
	if !strings.Contains(p.Log(), "started gRPC proxy") {
		t.Errorf("its log: %s", tail(p.Log(), 3))
	}
}

func TestGRPCProxyRestartsWhileTheClusterIsDown(t *testing.T) {
	t.Parallel()
	c := Start(t)
	p := c.GRPCProxy()
	c.Member(0).Kill()
	p.Restart()
	g := dialGRPC(t, p.Endpoint(), nil)
	if err := g.put(500*time.Millisecond, "k", "v"); err == nil {
		t.Error("a put without any member")
	}
	c.Member(0).Restart()
	eventually(t, 15*time.Second, "put after the member's restart", func() error { return g.put(time.Second, "k", "v") })
}

func TestGRPCProxyCanBeCutOffFromItsClients(t *testing.T) {
	t.Parallel()
	c := Start(t)
	p := c.GRPCProxy()
	g := dialGRPC(t, p.Endpoint(), nil)
	if err := g.put(5*time.Second, "k", "v"); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if err := g.put(time.Second, "k", "w"); err == nil {
		t.Error("a put through a proxy that was cut off")
	}
	mustGet(t, clientOf(c, c.Member(0)), "k", "v")
	p.Heal()
	eventually(t, 15*time.Second, "put after Heal", func() error { return g.put(time.Second, "k", "w") })
}

func TestGRPCProxyThatCannotStartFailsWithTheReason(t *testing.T) {
	t.Parallel()
	c, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := c.GRPCProxy("--no-such-flag"); p != nil {
		t.Errorf("a proxy with a wrong flag: %s", p.Endpoint())
	}
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "no-such-flag") {
		t.Errorf("Close() = %v, want what was wrong", err)
	}
	if p := c.GRPCProxy(); p != nil {
		t.Errorf("a proxy of a closed cluster: %s", p.Endpoint())
	}
}
