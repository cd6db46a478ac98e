// SPDX-License-Identifier: Apache-2.0

package otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/eetcd-go/eetcd/conn"
)

// OnStream counts a stream while it is open, and measures how long that was.
func (h *hook) OnStream(s conn.StreamInfo) func(error) {
	began := time.Now()
	common := serverOf([]attribute.KeyValue{semconv.DBOperationName(operationOf(s.Method)), connectionKey.String(s.Connection)}, s.Endpoint)
	all := metric.WithAttributeSet(attribute.NewSet(common...))
	h.streams.Add(context.Background(), 1, all)
	return func(err error) {
		h.streams.Add(context.Background(), -1, all)
		h.lasted.Record(context.Background(), time.Since(began).Seconds(), metric.WithAttributes(failure(common, err)...))
	}
}
