// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/eetcd-go/eetcd/conn"
)

// batchOf returns the name of a batch of so many reads, by the conventions. A batch of one is none for them.
func batchOf(reads int) string {
	if reads == 1 {
		return "Range"
	}
	return "BATCH Range"
}

// attemptSpan is the span of one attempt of a batch. A nil one is not recorded.
type attemptSpan struct {
	trace.Span
	of context.Context
}

// onTrip begins the span of an attempt of a batch, and links it with the spans of the calls that travel, both ways. It is a child of the
// first of them, so a sampler that follows parents records it. Without a span of a call there is none of the batch.
func (h *hook) onTrip(a conn.AttemptInfo, calls []trace.Span) *attemptSpan {
	if len(calls) == 0 {
		return nil
	}
	name := batchOf(len(a.Riders))
	attributes := serverOf([]attribute.KeyValue{
		system, semconv.DBOperationName(name), connectionKey.String(a.Connection), kindOf(a), numberKey.Int(a.Number),
	}, a.Endpoint)
	if len(a.Riders) > 1 {
		attributes = append(attributes, semconv.DBOperationBatchSize(len(a.Riders)))
	}
	links := make([]trace.Link, 0, len(calls))
	for _, call := range calls {
		links = append(links, trace.Link{SpanContext: call.SpanContext()})
	}
	of, span := h.tracer.Start(trace.ContextWithSpan(context.Background(), calls[0]), name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attributes...), trace.WithLinks(links...))
	for _, call := range calls {
		call.AddLink(trace.Link{SpanContext: span.SpanContext()})
	}
	return &attemptSpan{span, of}
}

// context returns the context of the span, or parent if there is none.
func (s *attemptSpan) context(parent context.Context) context.Context {
	if s == nil {
		return parent
	}
	return s.of
}

// end ends the span. The failure of an attempt that lost is no error, since another one has answered.
func (s *attemptSpan) end(r conn.AttemptResult) {
	if s == nil {
		return
	}
	s.SetAttributes(failure([]attribute.KeyValue{outcomeOf(r.Err), lostKey.Bool(r.Lost)}, r.Err)...)
	if r.Err != nil {
		s.SetAttributes(semconv.DBResponseStatusCode(codeOf(r.Err)))
	}
	if r.Err != nil && !r.Lost {
		s.SetStatus(codes.Error, describe(r.Err))
	}
	s.End()
}
