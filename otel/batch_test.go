// SPDX-License-Identifier: Apache-2.0

package otel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/otel"
)

// linked returns the names of the spans that a span is linked with, sorted.
func linked(s tracetest.SpanStub, names map[string]string) string {
	var all []string
	for _, l := range s.Links {
		all = append(all, names[l.SpanContext.SpanID().String()])
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// ride makes reads, each in a span of its own that has a name: the first one goes alone, and the others in one batch.
func ride(t *testing.T, c *conn.Conn, traces *sdktrace.TracerProvider, names ...string) {
	t.Helper()
	var reading sync.WaitGroup
	for i, name := range names {
		reading.Go(func() {
			time.Sleep(time.Duration(i) * time.Microsecond)
			parent, span := traces.Tracer("test").Start(t.Context(), name)
			defer span.End()
			if _, err := pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte(name)}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	reading.Wait()
	synctest.Wait()
}

func TestSpansOfReadsThatWereHedgedRetriedAndBatchedAttributeByAttribute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		exporter := tracetest.NewInMemoryExporter()
		traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
		defer func() { _ = traces.Shutdown(context.Background()) }()
		c := fakemember.Open(t, []*member{a, b}, conn.WithBatching(), conn.WithHooks(otel.New(otel.WithTracerProvider(traces))))
		for turn := ""; turn != "a"; { // then it is b's turn
			exporter.Reset()
			_, _ = pb.NewKVClient(c).Range(t.Context(), &pb.RangeRequest{Key: []byte("k")})
			if strings.Contains(tree(exporter.GetSpans()[0]), "server.address=a") {
				turn = "a"
			}
		}
		exporter.Reset()
		full := status.Error(codes.Unknown, "the disk is full") // a hedge is not sent again after that
		batches := onceThen(after(100*time.Millisecond, full), nil)
		b.answers(func(parent context.Context) error {
			if method, _ := grpc.Method(parent); method == pb.KV_Txn_FullMethodName {
				return batches(parent)
			}
			return after(10*time.Millisecond, nil)(parent)
		})
		a.Pause() // until it is frozen
		ride(t, c, traces, "alone", "x", "y", "z")

		names, parents := map[string]string{}, map[string]string{} // by the ID of a span
		spans := exporter.GetSpans()
		for _, s := range spans {
			parents[s.SpanContext.SpanID().String()] = s.Name
		}
		for _, s := range spans {
			id := s.SpanContext.SpanID().String()
			switch s.Name {
			case "Range":
				names[id] = "Range of " + parents[s.Parent.SpanID().String()]
			case "BATCH Range":
				for _, kind := range []string{"first", "hedge", "resend"} {
					if strings.Contains(text(s.Attributes), "etcd.attempt.kind="+kind) {
						names[id] = "batch, " + kind
					}
				}
			}
		}
		got, began := map[string]string{}, map[string]time.Time{}
		var first string // rider of the batch
		for _, s := range spans {
			id := s.SpanContext.SpanID().String()
			if names[id] == "" {
				continue
			}
			began[names[id]] = s.StartTime
			got[names[id]] = tree(s) + "links: " + linked(s, names)
			if s.Name == "BATCH Range" {
				parent := names[s.Parent.SpanID().String()]
				if first == "" {
					first = parent
				}
				if !strings.HasPrefix(parent, "Range of ") || parent != first {
					t.Errorf("%s is a child of %q, want that of the first rider", names[id], parent)
				}
			}
		}
		const (
			rider = "Range client %v  | db.operation.name=Range db.system.name=etcd etcd.attempts=3 etcd.batched=true etcd.connection=%s etcd.hedged=true etcd.outcome=done server.address=b server.port=1\n"
			begin = "%v attempt | etcd.attempt.kind=%s etcd.attempt.number=%d server.address=%s server.port=1\n"
			end   = "%v attempt ended | %setcd.attempt.kind=%s etcd.attempt.lost=false etcd.attempt.number=%d etcd.outcome=%s server.address=%s server.port=1\n"
			batch = "BATCH Range client %v %s | db.operation.batch.size=3 db.operation.name=BATCH Range %sdb.system.name=etcd %setcd.attempt.kind=%s etcd.attempt.lost=false etcd.attempt.number=%d etcd.connection=%s etcd.outcome=%s server.address=%s server.port=1\n"
			links = "links: Range of x, Range of y, Range of z"

			refused = "db.response.status_code=UNAVAILABLE "
			failed  = "error.type=UNAVAILABLE "
			broken  = "error.type=UNKNOWN "
		)
		name, ms := c.Name(), time.Millisecond
		want := map[string]string{
			"batch, first":  fmt.Sprintf(batch, 1500*ms, "UNAVAILABLE", refused, failed, "first", 1, name, "unknown", "a") + links,
			"batch, hedge":  fmt.Sprintf(batch, 100*ms, "UNKNOWN", "db.response.status_code=UNKNOWN ", broken, "hedge", 2, name, "unknown", "b") + links,
			"batch, resend": fmt.Sprintf(batch, 0*ms, "", "", "", "resend", 3, name, "done", "b") + links,
			"Range of alone": fmt.Sprintf("Range client %v  | db.operation.name=Range db.system.name=etcd etcd.attempts=1 etcd.batched=false etcd.connection=%s etcd.hedged=false etcd.outcome=done server.address=b server.port=1\n", 10*ms, name) +
				fmt.Sprintf(begin, 0*ms, "first", 1, "b") + fmt.Sprintf(end, 10*ms, "", "first", 1, "done", "b") + "links: ",
		}
		for _, who := range []string{"x", "y", "z"} {
			leaves := began["batch, first"].Sub(began["Range of "+who]) // after some time, for company
			want["Range of "+who] = fmt.Sprintf(rider, leaves+1500*ms, name) +
				fmt.Sprintf(begin, leaves, "first", 1, "a") +
				fmt.Sprintf(begin, leaves+500*ms, "hedge", 2, "b") +
				fmt.Sprintf(end, leaves+600*ms, broken, "hedge", 2, "unknown", "b") +
				fmt.Sprintf(end, leaves+1500*ms, failed, "first", 1, "unknown", "a") +
				fmt.Sprintf(begin, leaves+1500*ms, "resend", 3, "b") +
				fmt.Sprintf(end, leaves+1500*ms, "", "resend", 3, "done", "b") +
				"links: batch, first, batch, hedge, batch, resend"
		}
		for what := range want {
			if got[what] != want[what] {
				t.Errorf("%s: got\n%s\nwant\n%s", what, got[what], want[what])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d spans, want %d", len(got), len(want))
		}
	})
}

// A span of a batch without one of a call would be the root of a trace that nobody asked for.
func TestBatchOfCallsThatAreNotSampledHasNoSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.answers(after(10*time.Millisecond, nil))
		exporter := tracetest.NewInMemoryExporter()
		never := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))
		traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())))
		c := fakemember.Open(t, []*member{a}, conn.WithBatching(), conn.WithHooks(otel.New(otel.WithTracerProvider(traces))))
		exporter.Reset()
		ride(t, c, never, "alone", "x", "y", "z")
		if spans := exporter.GetSpans(); len(spans) != 0 {
			t.Errorf("there are %d spans, such as %s", len(spans), tree(spans[0]))
		}
		ride(t, c, traces, "alone", "x", "y", "z")
		batches := 0
		for _, s := range exporter.GetSpans() {
			if s.Name == "BATCH Range" {
				batches++
			}
		}
		if batches != 1 {
			t.Errorf("%d spans of batches, want 1", batches)
		}
	})
}
