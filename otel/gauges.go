// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"context"
	"runtime"
	"strings"
	"weak"

	api "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/eetcd-go/eetcd/conn"
)

// gauges measure what connections have at the time of a collection.
type gauges struct {
	roll
	endpoints, leases, watches, buffered, lag metric.Int64ObservableGauge
	margin, left                              metric.Float64ObservableGauge
}

// init has the meter ask the gauges. The meter lives as long as the program, and only holds them weakly: it does not keep the hook in
// memory that they belong to. When that hook is gone, the meter asks no more.
func (g *gauges) init(m metric.Meter) {
	count := func(name, unit, description string) metric.Int64ObservableGauge {
		return made(m.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description)))
	}
	share := func(name, unit, description string) metric.Float64ObservableGauge {
		return made(m.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description)))
	}
	g.endpoints = count("etcd.client.endpoints", "{endpoint}", "Number of endpoints, by their state.")
	g.leases = count("etcd.client.leases", "{lease}", "Number of leases that are kept alive through an endpoint.")
	g.watches = count("etcd.client.watches", "{watch}", "Number of watches, by their state.")
	g.buffered = count("etcd.client.watch.buffered", "By", "Size of the events that wait for the readers of watches.")
	g.lag = count("etcd.client.watch.lag", "{revision}", "The most revisions that one of the watches is behind.")
	g.margin = share("etcd.client.lease.margin", "s", "Time until the first lease counts as lost, unless it is renewed.")
	g.left = share("etcd.client.lease.left", "1", "The smallest part of its TTL that one of the leases has left.")
	held := weak.Make(g)
	asked := made(m.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		if g := held.Value(); g != nil {
			g.observe(to)
		}
		return nil
	}, g.endpoints, g.leases, g.watches, g.buffered, g.lag, g.margin, g.left))
	if asked != nil {
		runtime.AddCleanup(g, unregister, asked)
	}
}

func unregister(r metric.Registration) {
	if err := r.Unregister(); err != nil {
		api.Handle(err)
	}
}

// observe tells what the connections have now.
func (g *gauges) observe(to metric.Observer) {
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
		g.use(to, c.Name(), c.Usage())
	}
}

// use tells about the watches and leases of a connection.
func (g *gauges) use(to metric.Observer, name string, u conn.Usage) {
	of := connectionKey.String(name)
	for state, n := range map[string]int{
		"in step": u.Watches - u.OutOfStep - u.Parked, "out of step": u.OutOfStep, "parked": u.Parked,
	} {
		to.ObserveInt64(g.watches, int64(n), metric.WithAttributes(of, watchStateKey.String(state)))
	}
	to.ObserveInt64(g.buffered, int64(u.Waiting), metric.WithAttributes(of))
	to.ObserveInt64(g.lag, u.Lag, metric.WithAttributes(of))
	if u.Margin > 0 || u.Left > 0 { // otherwise none has been renewed yet, and an alarm would see one with no time left
		to.ObserveFloat64(g.margin, u.Margin.Seconds(), metric.WithAttributes(of))
		to.ObserveFloat64(g.left, u.Left, metric.WithAttributes(of))
	}
}

func stateOf(s conn.State) attribute.KeyValue { return stateKey.String(strings.ToLower(s.String())) }

// OnEndpoint counts a change of an endpoint's state.
func (h *hook) OnEndpoint(e conn.Endpoint) {
	h.gauges.see(e.Name)
	h.changes.Add(context.Background(), 1, metric.WithAttributes(
		serverOf([]attribute.KeyValue{connectionKey.String(e.Name), stateOf(e.State)}, e.Address)...))
}
