// SPDX-License-Identifier: Apache-2.0

//go:build !race

package allocs

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

const (
	rounds = 5
	calls  = 2000 // of each client in each round
	warmUp = 100  // before them, since the garbage collection between rounds empties every sync.Pool

	mostObjectsBeyondRaw = 3
	mostOfV3sObjects     = 0.85
	mostOfV3sBytes       = 0.75
)

// cost is what one call allocates in the whole process, because gRPC also allocates on its own goroutines.
type cost struct{ objects, bytes float64 }

func TestGetAllocatesLessThanClientv3(t *testing.T) {
	all, err := clients.Open(t.Context(), etcdtest.Start(t).Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := clients.Close(all); err != nil {
			t.Error(err)
		}
	})
	if err := all[0].Put(t.Context(), "key", strings.Repeat("v", 100)); err != nil {
		t.Fatal(err)
	}
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	limited, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()

	// All three get the same context. The SDK adds its default deadline of 5 s if the context has none.
	for _, c := range []struct {
		name   string
		parent context.Context
	}{
		{"background", context.Background()},
		{"cancellable", cancellable},
		{"with a deadline", limited},
	} {
		t.Run(c.name, func(t *testing.T) {
			costs := measure(t, all, func(client clients.Client) error { return client.Get(c.parent, "key") })
			raw, v3, ours := costs[clients.Raw], costs[clients.ClientV3], costs[clients.Eetcd]
			t.Logf("raw %.2f objects, %.0f bytes; clientv3 %.2f, %.0f; eetcd %.2f, %.0f",
				raw.objects, raw.bytes, v3.objects, v3.bytes, ours.objects, ours.bytes)
			if beyond := ours.objects - raw.objects; beyond > mostObjectsBeyondRaw {
				t.Errorf("%.2f objects more than a bare stub, want at most %d", beyond, mostObjectsBeyondRaw)
			}
			if share := ours.objects / v3.objects; share > mostOfV3sObjects {
				t.Errorf("%.3f of the objects of clientv3, want at most %.2f", share, mostOfV3sObjects)
			}
			if share := ours.bytes / v3.bytes; share > mostOfV3sBytes {
				t.Errorf("%.3f of the bytes of clientv3, want at most %.2f", share, mostOfV3sBytes)
			}
		})
	}
}

// measure returns the median cost of a call for each client.
func measure(t *testing.T, all []clients.Client, call func(clients.Client) error) map[string]cost {
	t.Helper()
	costs := map[string]cost{}
	paired(costs, len(all), func(i int) (string, cost) {
		run := func(calls int) {
			for range calls {
				if err := call(all[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		run(warmUp)
		return all[i].Name, spent(calls, func() { run(calls) })
	})
	return costs
}

// paired has n clients take turns in changing order, and notes the median cost of each.
func paired(costs map[string]cost, n int, turn func(i int) (name string, c cost)) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	objects, bytes := map[string][]float64{}, map[string][]float64{}
	for round := range rounds {
		for i := range n {
			runtime.GC()
			name, c := turn((round + i) % n)
			objects[name] = append(objects[name], c.objects)
			bytes[name] = append(bytes[name], c.bytes)
		}
	}
	for name := range objects {
		costs[name] = cost{median(objects[name]), median(bytes[name])}
	}
}

// spent returns what f costs, for each of n.
func spent(n int, f func()) cost {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return cost{float64(after.Mallocs-before.Mallocs) / float64(n), float64(after.TotalAlloc-before.TotalAlloc) / float64(n)}
}

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
