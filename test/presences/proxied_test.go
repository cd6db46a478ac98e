// SPDX-License-Identifier: Apache-2.0

package presences

import (
	"context"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/presence"
)

// TestPresenceComesBackThroughAGRPCProxy kills first the proxy and then the only member behind it, each for longer than the TTL.
func TestPresenceComesBackThroughAGRPCProxy(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	cluster := etcdtest.Start(t)
	proxy := cluster.GRPCProxy()
	c, direct := openAt(t, []string{proxy.Endpoint()}), open(t, cluster)
	p, err := presence.Keep(t.Context(), c.WithKey("there").WithValue("0").WithTimeout(patience), ttl)
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []struct {
		value     string // and which server it is
		die, live func()
	}{
		{"the proxy", proxy.Kill, proxy.Restart},
		{"the member", cluster.Member(0).Kill, cluster.Member(0).Restart},
	} {
		before := p.State()
		server.die()
		for p.State().Present {
			time.Sleep(time.Millisecond)
		}
		setting, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_ = p.Set(setting, server.value)
		cancel()
		server.live()
		lived := time.Now()
		for s := range p.Changes() {
			if s.Present {
				t.Logf("%s was away for the TTL: the presence was back %v after it", server.value, max(0, s.Since.Sub(lived)).Round(time.Millisecond))
				break
			}
		}
		if there := get(t, direct, "there"); len(there.values) != 1 || there.values[0] != server.value || p.State().Rev <= before.Rev {
			t.Errorf("the key has %q, want %q; the state was %+v and is %+v", there.values, server.value, before, p.State())
		}
	}
	leaving, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Leave(leaving); err != nil {
		t.Error(err)
	}
	if there := get(t, direct, "there"); len(there.values) > 0 {
		t.Errorf("after Leave: %v", there)
	}
}
