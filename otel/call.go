// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/eetcd-go/eetcd/conn"
)

// OnCall begins the span of a call. The function that it returns ends the span, and measures the call.
func (h *hook) OnCall(parent context.Context, c conn.CallInfo) (context.Context, func(conn.CallResult)) {
	began := time.Now()
	operation := operationOf(c.Method)
	common := []attribute.KeyValue{system, semconv.DBOperationName(operation), connectionKey.String(c.Connection)}
	parent, span := h.tracer.Start(parent, operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began),
		trace.WithAttributes(common...))
	if h.keys && span.IsRecording() {
		if keys := keysOf(c.Request()); len(keys) > 0 {
			span.SetAttributes(keysKey.StringSlice(keys))
		}
	}
	return parent, func(r conn.CallResult) {
		measured := failure(serverOf(common, r.Endpoint), r.Err)
		h.duration.Record(parent, time.Since(began).Seconds(), metric.WithAttributes(measured...))
		if !span.IsRecording() {
			span.End()
			return
		}
		span.SetAttributes(measured[len(common):]...)
		span.SetAttributes(outcomeOf(r.Err), attemptsKey.Int(r.Attempts), hedgedKey.Bool(r.Hedged), batchedKey.Bool(r.Batched))
		if r.Err != nil {
			span.SetAttributes(semconv.DBResponseStatusCode(codeOf(r.Err)))
			span.SetStatus(codes.Error, describe(r.Err))
		}
		span.End()
	}
}

// kindOf returns what kind of attempt it is.
func kindOf(a conn.AttemptInfo) attribute.KeyValue {
	switch {
	case a.Hedge:
		return kindKey.String("hedge")
	case a.Number > 1:
		return kindKey.String("resend")
	default:
		return kindKey.String("first")
	}
}

// OnAttempt adds an event to the span of the call, and another one at the end of the attempt. An attempt of a batch has a span of its own
// in addition.
func (h *hook) OnAttempt(parent context.Context, a conn.AttemptInfo) func(conn.AttemptResult) {
	common := serverOf([]attribute.KeyValue{kindOf(a)}, a.Endpoint)
	number := numberKey.Int(a.Number)
	operation := operationOf(a.Method)
	var spans []trace.Span // of the calls
	var batch *attemptSpan
	if a.Riders == nil {
		spans = recording(parent)
	} else {
		operation = batchOf(len(a.Riders))
		spans = recording(a.Riders...)
		batch = h.onTrip(a, spans)
		parent = batch.context(parent)
	}
	began := trace.WithAttributes(append(common[:len(common):len(common)], number)...)
	for _, span := range spans {
		span.AddEvent("attempt", began)
	}
	return func(r conn.AttemptResult) {
		ended := append(common[:len(common):len(common)], outcomeOf(r.Err), lostKey.Bool(r.Lost))
		h.attempts.Add(parent, 1, metric.WithAttributes(append(ended[:len(ended):len(ended)],
			semconv.DBOperationName(operation), connectionKey.String(a.Connection))...))
		if len(spans) == 0 {
			return
		}
		result := trace.WithAttributes(append(failure(ended, r.Err), number)...)
		for _, span := range spans {
			span.AddEvent("attempt ended", result)
		}
		batch.end(r)
	}
}

// recording returns the spans in contexts that are recorded.
func recording(contexts ...context.Context) []trace.Span {
	var spans []trace.Span
	for _, c := range contexts {
		if span := trace.SpanFromContext(c); span.IsRecording() {
			spans = append(spans, span)
		}
	}
	return spans
}
