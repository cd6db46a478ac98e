// SPDX-License-Identifier: Apache-2.0

// Package otel traces and measures connections of the SDK with OpenTelemetry. It is a module of its own, so that only programs which
// use it inherit OpenTelemetry.
//
//	import etcdotel "github.com/eetcd-go/eetcd/otel" // OpenTelemetry's own package is called otel too
//	…
//	c, err := conn.Open(ctx, "registry", endpoints, conn.WithHooks(etcdotel.New()))
//
// A connection needs one hook, which observes its namespaces too. With two of them, each call would be counted twice.
//
// Each call is a client span, by the conventions for database clients. Its attempts are events of the span, with their endpoints:
// first attempts, hedges and resends. Reads that travel together, as conn.WithoutBatching describes, have a span each. Each attempt of
// their batch is an event in all of them, and a span "BATCH Range" of its own, which is linked with all of them. It is a child of the
// first one that is recorded. The metrics are
//
//	db.client.operation.duration    s           each call: operation, connection, server, error
//	etcd.client.attempts            {attempt}   each attempt: kind (first, hedge, resend), outcome, server; once for a batch
//	etcd.client.streams             {stream}    streams that are open: of watches, leases and others
//	etcd.client.stream.duration     s           each stream that has ended, with its error
//	etcd.client.endpoints           {endpoint}  endpoints by state: active or frozen
//	etcd.client.endpoint.changes    {change}    changes of these states
//	etcd.client.leases              {lease}     leases that are kept alive through an endpoint
//	etcd.client.watches             {watch}     watches by state: in step, out of step or parked
//	etcd.client.watch.buffered      By          events that wait for the readers of watches
//	etcd.client.watch.lag           {revision}  the most revisions that one of the watches is behind
//	etcd.client.lease.margin        s           the time until the first lease counts as lost, unless it is renewed
//	etcd.client.lease.left          1           the smallest part of its TTL that one of the leases has left
//
// The watches and leases of a connection include those of its namespaces: see conn.Usage. Errors are gRPC codes as the specification
// of gRPC spells them, such as CANCELLED.
//
// No key, value, name of a user or text of an error is in a metric. In a span there is none of them either, unless [WithKeys] asks for
// keys. dashboard.json beside this package is a dashboard for Grafana over these metrics, as Prometheus shows them.
package otel

import (
	api "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/eetcd-go/eetcd/conn"
)

// scope is the name of the instrumentation.
const scope = "github.com/eetcd-go/eetcd/otel"

// Option is an option of [New].
type Option func(*options)

type options struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
	keys    bool
}

// WithTracerProvider sets where spans go. The default is the global provider of OpenTelemetry, also if the program sets that later. A
// nil one changes nothing.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(o *options) {
		if p != nil {
			o.tracers = p
		}
	}
}

// WithMeterProvider sets where metrics go. The default is the global provider of OpenTelemetry, also if the program sets that later. A
// nil one changes nothing.
func WithMeterProvider(p metric.MeterProvider) Option {
	return func(o *options) {
		if p != nil {
			o.meters = p
		}
	}
}

// WithKeys puts the keys of requests into their spans, as the attribute etcd.keys. Whoever reads the traces then sees them. Metrics
// never have keys, and spans never have values.
func WithKeys() Option { return func(o *options) { o.keys = true } }

// New returns a hook for conn.WithHooks. It implements all four interfaces of hooks. Several connections may have the same hook, and
// it is safe for concurrent use. Its gauges show connections until they are closed. The meter provider asks it until no connection has
// it, and the program has no reference to it. If the meter provider refuses an instrument, OpenTelemetry's error handler gets the
// reason, and the others work.
func New(opts ...Option) conn.Hook {
	o := options{tracers: api.GetTracerProvider(), meters: api.GetMeterProvider()}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	h := &hook{tracer: o.tracers.Tracer(scope), keys: o.keys}
	h.init(o.meters.Meter(scope))
	return h
}

// hook observes connections.
type hook struct {
	instruments
	tracer trace.Tracer
	keys   bool
	gauges gauges
}

var (
	_ conn.CallHook     = (*hook)(nil)
	_ conn.AttemptHook  = (*hook)(nil)
	_ conn.StreamHook   = (*hook)(nil)
	_ conn.EndpointHook = (*hook)(nil)
)

// init makes the instruments.
func (h *hook) init(m metric.Meter) {
	h.instruments.init(m)
	h.gauges.init(m)
}
