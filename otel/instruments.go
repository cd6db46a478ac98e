// SPDX-License-Identifier: Apache-2.0

package otel

import (
	api "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.40.0/dbconv"
)

// instruments measure what happens. What is there at a time is measured by gauges.
type instruments struct {
	duration metric.Float64Histogram   // of calls
	attempts metric.Int64Counter       // that have ended
	streams  metric.Int64UpDownCounter // that are open
	lasted   metric.Float64Histogram   // of streams
	changes  metric.Int64Counter       // of the states of endpoints
}

// made returns an instrument. If the meter refuses it, OpenTelemetry's error handler gets the reason, and the instrument does nothing.
func made[I any](instrument I, err error) I {
	if err != nil {
		api.Handle(err)
	}
	return instrument
}

func (i *instruments) init(m metric.Meter) {
	call := dbconv.ClientOperationDuration{}
	i.duration = made(m.Float64Histogram(call.Name(), metric.WithUnit(call.Unit()), metric.WithDescription(call.Description()),
		// The boundaries are those of the conventions.
		metric.WithExplicitBucketBoundaries(.001, .005, .01, .05, .1, .5, 1, 5, 10)))
	i.attempts = made(m.Int64Counter("etcd.client.attempts", metric.WithUnit("{attempt}"),
		metric.WithDescription("Number of attempts of calls that have ended: first ones, hedges and resends.")))
	i.streams = made(m.Int64UpDownCounter("etcd.client.streams", metric.WithUnit("{stream}"),
		metric.WithDescription("Number of open streams.")))
	i.lasted = made(m.Float64Histogram("etcd.client.stream.duration", metric.WithUnit("s"),
		metric.WithDescription("How long streams were open that have ended."),
		metric.WithExplicitBucketBoundaries(.1, 1, 10, 60, 600, 3600, 86400)))
	i.changes = made(m.Int64Counter("etcd.client.endpoint.changes", metric.WithUnit("{change}"),
		metric.WithDescription("Number of changes of the states of endpoints, by the new state.")))
}
