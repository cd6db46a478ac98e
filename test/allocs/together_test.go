// SPDX-License-Identifier: Apache-2.0

//go:build !race

package allocs

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

const (
	callers        = 64
	callsOfACaller = 200

	// A Get costs a twentieth of clientv3's objects when 64 travel together. A busy machine makes trips shorter.
	mostOfV3sObjectsTogether = 0.1
)

func TestGetsThatTravelTogetherAllocateFarLessThanClientv3s(t *testing.T) {
	all, err := clients.Open(t.Context(), etcdtest.Start(t).Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := clients.Close(all); err != nil {
			t.Error(err)
		}
	})
	for i := range callers {
		if err := all[0].Put(t.Context(), fmt.Sprint("key", i), strings.Repeat("v", 100)); err != nil {
			t.Fatal(err)
		}
	}
	costs := map[string]cost{}
	paired(costs, len(all), func(i int) (string, cost) {
		return all[i].Name, spent(callers*callsOfACaller, func() {
			var wg sync.WaitGroup
			for caller := range callers {
				wg.Go(func() {
					key := fmt.Sprint("key", caller)
					for range callsOfACaller {
						if err := all[i].Get(t.Context(), key); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
		})
	})
	v3, ours := costs[clients.ClientV3], costs[clients.Eetcd]
	t.Logf("clientv3 %.2f objects, %.0f bytes; eetcd %.2f, %.0f", v3.objects, v3.bytes, ours.objects, ours.bytes)
	if share := ours.objects / v3.objects; share > mostOfV3sObjectsTogether {
		t.Errorf("%.3f of the objects of clientv3, want at most %.2f", share, mostOfV3sObjectsTogether)
	}
}
