// SPDX-License-Identifier: Apache-2.0

package otel_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/otel"
	"github.com/eetcd-go/eetcd/watch"
)

// mark is in every key, value, user and password of the run.
const mark = "mark-7f3a"

// run is a run of a connection that meets faults, and what was exported.
type run struct {
	open     map[string]*dto.MetricFamily // before Close, by the names that Prometheus shows
	families map[string]*dto.MetricFamily // after Close
	text     string                       // of all metrics
	spans    tracetest.SpanStubs
}

// collect returns what is exported at present.
func collect(t *testing.T, from prometheus.Gatherer) map[string]*dto.MetricFamily {
	t.Helper()
	all, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range all {
		if strings.HasPrefix(f.GetName(), "db_client_") || strings.HasPrefix(f.GetName(), "etcd_client_") {
			families[f.GetName()] = f
		}
	}
	return families
}

// total returns the sum of a family's metrics that have these labels: of values, or of the numbers of observations.
func total(f *dto.MetricFamily, labels map[string]string) float64 {
	sum := 0.0
next:
	for _, m := range f.GetMetric() {
		has := map[string]string{}
		for _, l := range m.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		for name, value := range labels {
			if has[name] != value {
				continue next
			}
		}
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return sum
}

// aRun works on a cluster of three members while one of them is paused, killed and started again.
func aRun(t *testing.T, opts ...otel.Option) run {
	t.Helper()
	registry := prometheus.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry))
	if err != nil {
		t.Fatal(err)
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	spans := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	hook := otel.New(append(opts, otel.WithMeterProvider(meters), otel.WithTracerProvider(traces))...)
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := onecluster.Open(t, "", cluster.Endpoints(), conn.WithHooks(hook), conn.WithHedgeDelay(50*time.Millisecond),
		conn.WithConnectTimeout(300*time.Millisecond))
	if _, err := c.Namespace(c.Name()+"-tenant", mark+"/"); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w, err := watch.Watch(ctx, watch.New(c.Name()).WithKey(mark).WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	granted, err := lease.Grant(ctx, lease.New(c.Name()), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lease.KeepAlive(ctx, lease.New(c.Name()), granted.GetID()); err != nil {
		t.Fatal(err)
	}
	leader, victim := cluster.Leader(), cluster.Member(0)
	if victim == leader { // then reads would wait for an election
		victim = cluster.Member(1)
	}
	done := make(chan struct{})
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				name := c.Name()
				if n%2 == 1 {
					name += "-tenant"
				}
				key := fmt.Sprintf("%s/%d", mark, i)
				_, _ = kv.Put(ctx, kv.New(name).WithKey(key).WithValue(mark)) // a write may fail or not: both are measured
				_, _ = kv.Get(ctx, kv.New(name).WithKey(key).WithSerializable())
				_, _ = kv.Get(ctx, kv.New(name).WithKey(key).WithRev(math.MaxInt64))
			}
		})
	}
	becomes := func(state string) {
		onecluster.Eventually(t, 30*time.Second, "an endpoint that is "+state, func() error {
			at := total(collect(t, registry)["etcd_client_endpoints"], map[string]string{
				"etcd_endpoint_state": state, "server_port": strings.TrimPrefix(victim.Endpoint(), "127.0.0.1:"),
			})
			if at != 1 {
				return fmt.Errorf("%v", at)
			}
			return nil
		})
	}
	won := map[string]string{"etcd_attempt_kind": "hedge", "etcd_outcome": "done", "etcd_attempt_lost": "false"}
	for total(collect(t, registry)["etcd_client_attempts_total"], won) == 0 {
		victim.Pause()
		becomes("frozen")
		victim.Resume()
		becomes("active")
	}
	victim.Kill()
	victim.Restart()
	close(done)
	work.Wait()
	_ = lock.Do(ctx, lock.New(c.Name()).WithKey(mark), 5*time.Second, func(context.Context, lock.Held) error { return nil })
	_, _ = auth.UserAdd(ctx, auth.New(c.Name()), mark, mark)
	_, _ = auth.UserGet(ctx, auth.New(c.Name()), mark+"-missing")
	r := run{open: collect(t, registry)}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	r.families, r.spans = collect(t, registry), spans.GetSpans()
	var b bytes.Buffer
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	r.text = b.String()
	return r
}

func TestRunWithFaultsIsMeasured(t *testing.T) {
	r := aRun(t)
	t.Run("without any key or value", func(t *testing.T) { showsNothing(t, r) })
	t.Run("in all its parts", func(t *testing.T) { showsAll(t, r) })
	t.Run("by the names and labels of the dashboard", func(t *testing.T) { fitsDashboard(t, r) })
}

func showsNothing(t *testing.T, r run) {
	if i := strings.Index(r.text, mark); i >= 0 {
		t.Errorf("a metric shows a key, a value or a user: %s", r.text[max(0, i-200):i+50])
	}
	for _, s := range r.spans {
		if shown := fmt.Sprintf("%+v", s); strings.Contains(shown, mark) {
			t.Fatalf("a span shows a key, a value or a user: %s", shown)
		}
	}
	if len(r.text) == 0 || len(r.spans) == 0 {
		t.Error("nothing is exported")
	}
}

func showsAll(t *testing.T, r run) {
	labels := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, want := range []struct {
		name   string
		labels map[string]string
	}{
		{"db_client_operation_duration_seconds", labels("db_operation_name", "Range", "db_system_name", "etcd")},
		{"db_client_operation_duration_seconds", labels("db_operation_name", "Put", "error_type", "")},
		{"db_client_operation_duration_seconds", labels("error_type", "OUT_OF_RANGE")},
		{"db_client_operation_duration_seconds", labels("db_operation_name", "UserAdd")},
		{"etcd_client_attempts_total", labels("etcd_attempt_kind", "first", "etcd_outcome", "done", "etcd_attempt_lost", "false")},
		{"etcd_client_attempts_total", labels("etcd_attempt_kind", "hedge", "etcd_outcome", "done")},
		{"etcd_client_attempts_total", labels("etcd_attempt_lost", "true")},
		{"etcd_client_stream_duration_seconds", labels("db_operation_name", "Watch")},
		{"etcd_client_stream_duration_seconds", labels("db_operation_name", "LeaseKeepAlive")},
		{"etcd_client_endpoint_changes_total", labels("etcd_endpoint_state", "frozen")},
		{"etcd_client_endpoint_changes_total", labels("etcd_endpoint_state", "active")},
	} {
		if total(r.families[want.name], want.labels) == 0 {
			t.Errorf("there is no %s with %v", want.name, want.labels)
		}
	}
	if open := total(r.families["etcd_client_streams"], nil); open != 0 {
		t.Errorf("%v streams are open after Close", open)
	}
	for name, least := range map[string]float64{
		"etcd_client_watches": 1, "etcd_client_lease_margin_seconds": 1, "etcd_client_lease_left_ratio": 0.01,
	} {
		if got := total(r.open[name], nil); got < least {
			t.Errorf("%s is %v of an open connection", name, got)
		}
	}
	for _, name := range []string{
		"etcd_client_endpoints", "etcd_client_watches", "etcd_client_watch_lag", "etcd_client_watch_buffered_bytes", "etcd_client_lease_left_ratio",
	} {
		if r.families[name] != nil {
			t.Errorf("%s of a closed connection is exported", name)
		}
	}
}

func TestSpansShowKeysOnRequestButNoValues(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	cluster := etcdtest.Start(t)
	c := onecluster.Open(t, "", cluster.Endpoints(), conn.WithHooks(otel.New(otel.WithTracerProvider(traces), otel.WithKeys())),
		conn.WithDefaultTimeout(time.Minute)) // a server with little CPU needs long to hash a password
	at := func(key string) kv.Request { return kv.New(c.Name()).WithKey(key) }
	ctx := t.Context()
	if _, err := kv.Put(ctx, at("k/1").WithValue(mark)); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Get(ctx, at("k/").WithPrefix()); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(ctx, at("\xff\xfe").WithValue(mark)); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.UserAdd(ctx, auth.New(c.Name()), mark, mark); err != nil {
		t.Fatal(err)
	}
	want := []string{"[\"k/1\"]", "[\"k/\",\"k0\"]", "[\"�\"]", ""}
	for i, s := range spans.GetSpans() {
		got := ""
		for _, a := range s.Attributes {
			if a.Key == "etcd.keys" {
				got = a.Value.Emit()
			}
		}
		if got != want[i] || strings.Contains(fmt.Sprintf("%+v", s), mark) {
			t.Errorf("span %d has the keys %s, want %s: %+v", i, got, want[i], s)
		}
	}
}
