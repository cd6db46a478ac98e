// SPDX-License-Identifier: Apache-2.0

package otel_test

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/otel"
)

// counting is a provider of meters that count the callbacks that are registered with them.
type counting struct {
	metric.MeterProvider
	callbacks *atomic.Int64
}

func (c counting) Meter(name string, opts ...metric.MeterOption) metric.Meter {
	return countingMeter{c.MeterProvider.Meter(name, opts...), c.callbacks}
}

type countingMeter struct {
	metric.Meter
	callbacks *atomic.Int64
}

func (m countingMeter) RegisterCallback(f metric.Callback, of ...metric.Observable) (metric.Registration, error) {
	r, err := m.Meter.RegisterCallback(f, of...)
	m.callbacks.Add(1)
	return countingRegistration{r, m.callbacks}, err
}

type countingRegistration struct {
	metric.Registration
	callbacks *atomic.Int64
}

func (r countingRegistration) Unregister() error {
	r.callbacks.Add(-1)
	return r.Registration.Unregister()
}

func TestACallbackEndsWithItsHook(t *testing.T) {
	var callbacks atomic.Int64
	meters := counting{sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())), &callbacks}
	func() {
		c, err := conn.Open(t.Context(), "", []string{"127.0.0.1:1"}, conn.WithLazy(), conn.WithHooks(otel.New(otel.WithMeterProvider(meters))))
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		if n := callbacks.Load(); n != 1 {
			t.Errorf("%d callbacks for an open connection", n)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	onecluster.Eventually(t, 30*time.Second, "no callback", func() error {
		runtime.GC()
		if callbacks.Load() != 0 {
			return errors.New("it is still registered")
		}
		return nil
	})
}
