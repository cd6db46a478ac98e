// SPDX-License-Identifier: Apache-2.0

// Trace prints the spans of a read that is hedged, and of reads that travel together. For the first it pauses a member of its own cluster,
// and reads until the paused member is asked first. For the others it makes several reads at the same time.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/otel"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "trace:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	cluster, err := etcdtest.Run(ctx, etcdtest.WithSize(3))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()

	// A program would have an exporter here that sends the spans to a collector.
	spans := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	c, err := conn.Open(ctx, "registry", cluster.Endpoints(), conn.WithHooks(otel.New(otel.WithTracerProvider(traces))))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := kv.Put(ctx, kv.New("registry").WithKey("color").WithValue("red")); err != nil {
		return err
	}

	for _, m := range cluster.Members() {
		if m != cluster.Leader() {
			m.Pause()
			err = traceHedge(ctx, out, spans)
			m.Resume()
			break
		}
	}
	if err != nil {
		return err
	}
	return traceBatch(ctx, out, spans)
}

// traceHedge prints the span of a read that two members were asked for.
func traceHedge(ctx context.Context, out io.Writer, spans *tracetest.InMemoryExporter) error {
	for {
		spans.Reset()
		if _, err := kv.Get(ctx, kv.New("registry").WithKey("color").WithSerializable()); err != nil {
			return err
		}
		if span := spans.GetSpans()[0]; hedged(span) {
			print(out, span)
			return nil
		}
	}
}

// traceBatch prints the span of a batch, and that of one of the reads that it carries.
func traceBatch(ctx context.Context, out io.Writer, spans *tracetest.InMemoryExporter) error {
	for ctx.Err() == nil {
		spans.Reset()
		var reading sync.WaitGroup
		for i := range 8 {
			reading.Go(func() {
				// An error of a read is in its span.
				_, _ = kv.Get(ctx, kv.New("registry").WithKey(fmt.Sprint("color/", i)))
			})
		}
		reading.Wait()
		all := spans.GetSpans()
		for _, batch := range all {
			if batch.Name != "BATCH Range" {
				continue
			}
			for _, span := range all {
				if span.SpanContext.Equal(batch.Parent) {
					print(out, span)
					print(out, batch)
					return nil
				}
			}
		}
	}
	return ctx.Err()
}

// hedged reports whether the call of a span asked a second endpoint.
func hedged(span tracetest.SpanStub) bool {
	for _, a := range span.Attributes {
		if a.Key == "etcd.hedged" {
			return a.Value.AsBool()
		}
	}
	return false
}

// print writes a span with its links, and its events with their times since its beginning.
func print(out io.Writer, span tracetest.SpanStub) {
	fmt.Fprintf(out, "%s, span %s, took %v\n", span.Name, span.SpanContext.SpanID(), span.EndTime.Sub(span.StartTime))
	if span.Parent.IsValid() {
		fmt.Fprintf(out, "  child of %s\n", span.Parent.SpanID())
	}
	for _, l := range span.Links {
		fmt.Fprintf(out, "  linked with %s\n", l.SpanContext.SpanID())
	}
	for _, a := range span.Attributes {
		fmt.Fprintf(out, "  %s = %s\n", a.Key, a.Value.Emit())
	}
	for _, e := range span.Events {
		fmt.Fprintf(out, "  after %v: %s\n", e.Time.Sub(span.StartTime), e.Name)
		for _, a := range e.Attributes {
			fmt.Fprintf(out, "    %s = %s\n", a.Key, a.Value.Emit())
		}
	}
}
