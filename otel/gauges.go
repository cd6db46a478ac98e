// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/eetcd-go/eetcd/conn"
)

// gauges measure what connections have at the time of a collection.
type gauges struct {
	endpoints, leases metric.Int64ObservableGauge

	mu   sync.Mutex
	seen map[string]time.Time // connections, and when each has last told of an endpoint or was found open
}

// forgetAfter is how long a connection is remembered that is not open. One that is being opened tells of its endpoints before.
const forgetAfter = 10 * time.Minute

func (g *gauges) init(m metric.Meter) {
	g.seen = map[string]time.Time{}
	g.endpoints = made(m.Int64ObservableGauge("etcd.client.endpoints", metric.WithUnit("{endpoint}"),
		metric.WithDescription("Number of endpoints, by their state.")))
	g.leases = made(m.Int64ObservableGauge("etcd.client.leases", metric.WithUnit("{lease}"),
		metric.WithDescription("Number of leases that are kept alive through an endpoint.")))
	made(m.RegisterCallback(g.observe, g.endpoints, g.leases))
}

// see adds a connection.
func (g *gauges) see(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen[name] = time.Now()
}

// open returns the connections that are open, and forgets those that have not been for long.
func (g *gauges) open() []*conn.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []*conn.Conn
	for _, name := range slices.Sorted(maps.Keys(g.seen)) {
		c, err := conn.Lookup(name)
		switch {
		case err == nil:
			g.seen[name] = time.Now()
			all = append(all, c)
		case time.Since(g.seen[name]) > forgetAfter:
			delete(g.seen, name)
		}
	}
	return all
}

// observe tells what the connections have now.
func (g *gauges) observe(_ context.Context, to metric.Observer) error {
	for _, c := range g.open() {
		for _, e := range c.Info() {
			common := serverOf([]attribute.KeyValue{connectionKey.String(e.Name)}, e.Address)
			to.ObserveInt64(g.leases, int64(e.Leases), metric.WithAttributes(common...))
			for _, state := range []conn.State{conn.Active, conn.Frozen} {
				n := int64(0)
				if e.State == state {
					n = 1
				}
				to.ObserveInt64(g.endpoints, n, metric.WithAttributes(append(common[:len(common):len(common)], stateOf(state))...))
			}
		}
	}
	return nil
}

func stateOf(s conn.State) attribute.KeyValue { return stateKey.String(strings.ToLower(s.String())) }

// OnEndpoint counts a change of an endpoint's state.
func (h *hook) OnEndpoint(e conn.Endpoint) {
	h.gauges.see(e.Name)
	h.changes.Add(context.Background(), 1, metric.WithAttributes(
		serverOf([]attribute.KeyValue{connectionKey.String(e.Name), stateOf(e.State)}, e.Address)...))
}
