// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/typed"
)

// TestUpdatesCountOnceThroughAGRPCProxyThatDies has updates go on while the proxy, and then the member behind it, is killed.
func TestUpdatesCountOnceThroughAGRPCProxyThatDies(t *testing.T) {
	cluster := etcdtest.Start(t)
	proxy := cluster.GRPCProxy()
	c, err := conn.Open(t.Context(), "", []string{proxy.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := typed.Of(typed.New(c.Name()).WithKey("proxied/").WithTimeout(patience), typed.JSON[counter]())
	applied, unknown := 0, 0
	update := func() {
		t.Helper()
		_, err := s.Update(t.Context(), "n", func(old counter, _ bool) (counter, error) {
			return counter{N: old.N + 1, Change: applied + unknown + 1}, nil
		})
		switch {
		case err == nil:
			applied++
		case etcderr.OutcomeOf(err) == etcderr.Unknown:
			unknown++
		default:
			t.Error(err)
		}
	}
	for _, server := range []struct{ die, live func() }{
		{proxy.Kill, proxy.Restart},
		{cluster.Member(0).Kill, cluster.Member(0).Restart},
	} {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					update()
				}
			}
		}()
		server.die()
		server.live()
		close(stop)
		<-stopped
		update()
	}
	entry, err := s.Get(t.Context(), "n")
	if err != nil || entry.Value.N < applied || entry.Value.N > applied+unknown {
		t.Errorf("%d updates were applied and %d may have been, and the number is %d: %v", applied, unknown, entry.Value.N, err)
	}
	if entry.Version != int64(entry.Value.N) {
		t.Errorf("the number is %d in version %d of the key", entry.Value.N, entry.Version)
	}
	n := 0
	for listed, err := range s.All(t.Context()) {
		if n++; err != nil || listed != entry {
			t.Errorf("All has %+v: %v, want %+v", listed, err, entry)
		}
	}
	if n != 1 {
		t.Errorf("All has %d entries", n)
	}
	t.Logf("%d updates were applied, %d may have been, and the number is %d", applied, unknown, entry.Value.N)
}
