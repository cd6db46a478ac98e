// SPDX-License-Identifier: Apache-2.0

package otel_test

import (
	"context"
	"fmt"
	"log"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	etcdotel "github.com/eetcd-go/eetcd/otel"
)

// A program sets OpenTelemetry up once, and gives each of its connections a hook. In place of the exporter in memory it has one that
// sends spans to a collector, and in place of the manual reader one that shows metrics, such as Prometheus's.
func Example() {
	ctx := context.Background()
	cluster, err := etcdtest.Run(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()

	spans, metrics := tracetest.NewInMemoryExporter(), metric.NewManualReader()
	traces := trace.NewTracerProvider(trace.WithBatcher(spans))
	otel.SetTracerProvider(traces)
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(metrics)))

	c, err := conn.Open(ctx, "registry", cluster.Endpoints(), conn.WithHooks(etcdotel.New()))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	color := kv.New("registry").WithKey("color")
	if _, err := kv.Put(ctx, color.WithValue("red")); err != nil {
		log.Fatal(err)
	}
	if _, err := kv.Get(ctx, color); err != nil {
		log.Fatal(err)
	}

	if err := traces.ForceFlush(ctx); err != nil { // a program does so at its end, by Shutdown
		log.Fatal(err)
	}
	for _, span := range spans.GetSpans() {
		fmt.Println(span.Name, span.SpanKind, len(span.Events), "events")
	}
	// Output:
	// Put client 2 events
	// Range client 2 events
}
