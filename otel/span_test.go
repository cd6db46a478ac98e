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

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/otel"
)

// member is a fake member that answers KV requests as a test says.
type member struct {
	*fakemember.Member
	pb.UnimplementedKVServer

	mu     sync.Mutex
	answer func(parent context.Context) error // nil answers at once
}

func newMember(t *testing.T, name string) *member {
	m := &member{Member: fakemember.New(t, name)}
	m.Serve(m)
	return m
}

func (m *member) answers(f func(parent context.Context) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = f
}

func (m *member) serve(parent context.Context) error {
	m.mu.Lock()
	f := m.answer
	m.mu.Unlock()
	if err := m.Wait(parent); err != nil || f == nil {
		return err
	}
	return f(parent)
}

func (m *member) Range(parent context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	return &pb.RangeResponse{Header: &pb.ResponseHeader{}}, m.serve(parent)
}

// Txn answers each read of a batch.
func (m *member) Txn(parent context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	answer := &pb.TxnResponse{Succeeded: true, Header: &pb.ResponseHeader{}}
	for range r.GetSuccess() {
		answer.Responses = append(answer.Responses, &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: &pb.RangeResponse{}}})
	}
	return answer, m.serve(parent)
}

func (m *member) Put(parent context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	return &pb.PutResponse{Header: &pb.ResponseHeader{}}, m.serve(parent)
}

func after(d time.Duration, err error) func(context.Context) error {
	return func(parent context.Context) error {
		select {
		case <-time.After(d):
			return err
		case <-parent.Done():
			return status.FromContextError(parent.Err()).Err()
		}
	}
}

// text returns attributes, sorted, as one text.
func text(all []attribute.KeyValue) string {
	var parts []string
	for _, a := range all {
		parts = append(parts, fmt.Sprintf("%s=%s", a.Key, a.Value.Emit()))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// tree returns a span with its events, each with its time since the beginning of the span.
func tree(s tracetest.SpanStub) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v %v %s | %s\n", s.Name, s.SpanKind, s.EndTime.Sub(s.StartTime), s.Status.Description, text(s.Attributes))
	for _, e := range s.Events {
		fmt.Fprintf(&b, "%v %s | %s\n", e.Time.Sub(s.StartTime), e.Name, text(e.Attributes))
	}
	return b.String()
}

func TestSpanOfACallHasItsAttemptsAttributeByAttribute(t *testing.T) {
	full := status.Error(codes.Unknown, "the disk is full") // a hedge is not sent again after that
	const common = "db.operation.name=Range db.system.name=etcd"
	for name, tt := range map[string]struct {
		a, b  func(context.Context) error
		pause bool     // a
		want  []string // the lines of the span
	}{
		"hedged, failed and sent again": {
			pause: true, // until it is frozen
			b:     onceThen(after(100*time.Millisecond, full), nil),
			want: []string{
				"Range client 1.5s  | " + common + " etcd.attempts=3 etcd.batched=false etcd.connection=c etcd.hedged=true etcd.outcome=done server.address=b server.port=1",
				"0s attempt | etcd.attempt.kind=first etcd.attempt.number=1 server.address=a server.port=1",
				"500ms attempt | etcd.attempt.kind=hedge etcd.attempt.number=2 server.address=b server.port=1",
				"600ms attempt ended | error.type=UNKNOWN etcd.attempt.kind=hedge etcd.attempt.lost=false etcd.attempt.number=2 etcd.outcome=unknown server.address=b server.port=1",
				"1.5s attempt ended | error.type=UNAVAILABLE etcd.attempt.kind=first etcd.attempt.lost=false etcd.attempt.number=1 etcd.outcome=unknown server.address=a server.port=1",
				"1.5s attempt | etcd.attempt.kind=resend etcd.attempt.number=3 server.address=b server.port=1",
				"1.5s attempt ended | etcd.attempt.kind=resend etcd.attempt.lost=false etcd.attempt.number=3 etcd.outcome=done server.address=b server.port=1",
			},
		},
		"hedged": {
			a: after(time.Minute, nil),
			b: after(50*time.Millisecond, nil),
			want: []string{
				"Range client 550ms  | " + common + " etcd.attempts=2 etcd.batched=false etcd.connection=c etcd.hedged=true etcd.outcome=done server.address=b server.port=1",
				"0s attempt | etcd.attempt.kind=first etcd.attempt.number=1 server.address=a server.port=1",
				"500ms attempt | etcd.attempt.kind=hedge etcd.attempt.number=2 server.address=b server.port=1",
				"550ms attempt ended | error.type=CANCELLED etcd.attempt.kind=first etcd.attempt.lost=true etcd.attempt.number=1 etcd.outcome=unknown server.address=a server.port=1",
				"550ms attempt ended | etcd.attempt.kind=hedge etcd.attempt.lost=false etcd.attempt.number=2 etcd.outcome=done server.address=b server.port=1",
			},
		},
		"refused": {
			a: after(0, status.Error(codes.OutOfRange, "etcdserver: mvcc: required revision has been compacted")),
			b: after(0, nil),
			want: []string{
				"Range client 0s etcdserver: mvcc: required revision has been compacted | db.operation.name=Range db.response.status_code=OUT_OF_RANGE db.system.name=etcd error.type=OUT_OF_RANGE etcd.attempts=1 etcd.batched=false etcd.connection=c etcd.hedged=false etcd.outcome=rejected server.address=a server.port=1",
				"0s attempt | etcd.attempt.kind=first etcd.attempt.number=1 server.address=a server.port=1",
				"0s attempt ended | error.type=OUT_OF_RANGE etcd.attempt.kind=first etcd.attempt.lost=false etcd.attempt.number=1 etcd.outcome=rejected server.address=a server.port=1",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				exporter := tracetest.NewInMemoryExporter()
				traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
				defer func() { _ = traces.Shutdown(context.Background()) }()
				members := []*member{a, b}
				c, err := conn.Open(t.Context(), "c", fakemember.Endpoints(members...), fakemember.Network(members...),
					conn.WithHooks(otel.New(otel.WithTracerProvider(traces))))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				get := func(parent context.Context) tracetest.SpanStub {
					exporter.Reset()
					_, _ = pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte("k")})
					return exporter.GetSpans()[0]
				}
				for !strings.Contains(tree(get(t.Context())), "server.address=b") { // then it is a's turn
				}
				a.answers(tt.a)
				b.answers(tt.b)
				if tt.pause {
					a.Pause()
				}
				parent, outer := traces.Tracer("test").Start(t.Context(), "outer")
				span := get(parent)
				outer.End()
				if span.Parent.SpanID() != outer.SpanContext().SpanID() {
					t.Error("the span of a call has another parent than its caller's span")
				}
				got := strings.Split(strings.TrimSpace(tree(span)), "\n")
				slices.Sort(got[1:])
				slices.Sort(tt.want[1:])
				if !slices.Equal(got, tt.want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
				}
			})
		})
	}
}

// onceThen answers the first request by first, and the others by then.
func onceThen(first, then func(context.Context) error) func(context.Context) error {
	var once sync.Once
	return func(parent context.Context) error {
		f := then
		once.Do(func() { f = first })
		if f == nil {
			return nil
		}
		return f(parent)
	}
}
