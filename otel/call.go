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
		span.SetAttributes(outcomeOf(r.Err), attemptsKey.Int(r.Attempts), hedgedKey.Bool(r.Hedged))
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

// OnAttempt adds an event to the span of the call, and another one at the end of the attempt.
func (h *hook) OnAttempt(parent context.Context, a conn.AttemptInfo) func(conn.AttemptResult) {
	span := trace.SpanFromContext(parent)
	common := serverOf([]attribute.KeyValue{kindOf(a)}, a.Endpoint)
	number := numberKey.Int(a.Number)
	if span.IsRecording() {
		span.AddEvent("attempt", trace.WithAttributes(append(common[:len(common):len(common)], number)...))
	}
	return func(r conn.AttemptResult) {
		ended := append(common[:len(common):len(common)], outcomeOf(r.Err), lostKey.Bool(r.Lost))
		h.attempts.Add(parent, 1, metric.WithAttributes(append(ended[:len(ended):len(ended)],
			semconv.DBOperationName(operationOf(a.Method)), connectionKey.String(a.Connection))...))
		if span.IsRecording() {
			span.AddEvent("attempt ended", trace.WithAttributes(append(failure(ended, r.Err), number)...))
		}
	}
}
