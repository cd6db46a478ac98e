// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"regexp"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/otel"
)

// All connections of the fault tests are measured, to show that no metric has a key or a value, whatever goes wrong.
var (
	measured = sdkmetric.NewManualReader()
	meter    = otel.New(otel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(measured))))
)

// said is all that an attribute of a metric may say. The tests use no key and no value that fits.
var said = map[attribute.Key]*regexp.Regexp{
	"db.system.name":      regexp.MustCompile(`^etcd$`),
	"db.operation.name":   nil, // of an RPC
	"etcd.connection":     regexp.MustCompile(`^(eetcd-\d+|` + allLost + `)$`),
	"server.address":      regexp.MustCompile(`^127\.0\.0\.1$`),
	"server.port":         regexp.MustCompile(`^\d{1,5}$`),
	"error.type":          regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`),
	"etcd.outcome":        regexp.MustCompile(`^(done|not sent|rejected|unknown)$`),
	"etcd.attempt.kind":   regexp.MustCompile(`^(first|hedge|resend)$`),
	"etcd.attempt.lost":   regexp.MustCompile(`^(true|false)$`),
	"etcd.endpoint.state": regexp.MustCompile(`^(active|frozen)$`),
	"etcd.watch.state":    regexp.MustCompile(`^(in step|out of step|parked)$`),
}

// operations are the RPCs of etcd that the SDK calls, and the reads that travel together.
var operations = func() (all []string) {
	all = append(all, "BATCH Range")
	for _, service := range []grpc.ServiceDesc{
		pb.KV_ServiceDesc, pb.Watch_ServiceDesc, pb.Lease_ServiceDesc, pb.Cluster_ServiceDesc, pb.Maintenance_ServiceDesc, pb.Auth_ServiceDesc,
	} {
		for _, m := range service.Methods {
			all = append(all, m.MethodName)
		}
		for _, s := range service.Streams {
			all = append(all, s.StreamName)
		}
	}
	return all
}()

// checkMetrics checks all that has been measured so far.
func checkMetrics(t *testing.T) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := measured.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			for _, set := range setsOf(t, m) {
				if m.Name == "db.client.operation.duration" {
					calls++
				}
				checkAttributes(t, m.Name, set)
			}
		}
	}
	if calls == 0 {
		t.Error("no call was measured")
	}
}

func checkAttributes(t *testing.T, metric string, set attribute.Set) {
	t.Helper()
	for _, a := range set.ToSlice() {
		text := a.Value.String()
		may, known := said[a.Key]
		switch {
		case !known:
			t.Errorf("%s has the attribute %s, which the test does not know", metric, a.Key)
		case may == nil && !slices.Contains(operations, text), may != nil && !may.MatchString(text):
			t.Errorf("%s says %s=%q", metric, a.Key, text)
		}
	}
}

// setsOf returns the attributes of each point of a metric.
func setsOf(t *testing.T, m metricdata.Metrics) []attribute.Set {
	t.Helper()
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		return pointsOf(data.DataPoints)
	case metricdata.Gauge[int64]:
		return pointsOf(data.DataPoints)
	case metricdata.Gauge[float64]:
		return pointsOf(data.DataPoints)
	case metricdata.Histogram[float64]:
		var all []attribute.Set
		for _, p := range data.DataPoints {
			all = append(all, p.Attributes)
		}
		return all
	default:
		t.Errorf("%s is %T, which the test does not know", m.Name, data)
		return nil
	}
}

func pointsOf[N int64 | float64](points []metricdata.DataPoint[N]) (all []attribute.Set) {
	for _, p := range points {
		all = append(all, p.Attributes)
	}
	return all
}
