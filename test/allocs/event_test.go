// SPDX-License-Identifier: Apache-2.0

//go:build !race

package allocs

import (
	"context"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/test/internal/bench"
	"github.com/eetcd-go/eetcd/test/internal/clients"
	"github.com/eetcd-go/eetcd/watch"
)

const (
	// An event costs about 0.3 objects, and 4 with clientv3: a message for the event and one for its pair, a key and a value.
	mostOfV3sObjectsForAnEvent = 0.1
	mostOfV3sBytesForAnEvent   = 0.9
)

func TestEventsOfAReplayAllocateATenthOfClientv3s(t *testing.T) {
	const events, perTxn = 20_000, 10
	endpoint := etcdtest.Start(t).Endpoints()[0]
	both, err := clients.OpenBoth(t.Context(), []string{endpoint})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := both.Close(); err != nil {
			t.Error(err)
		}
	})
	cc, err := clients.Dial(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	const prefix = "events/"
	err = bench.Write(t.Context(), pb.NewKVClient(cc), events, perTxn, func(i int) ([]byte, []byte) {
		return fmt.Appendf(nil, "%s%04d", prefix, i%100), []byte(strings.Repeat("v", 100))
	})
	if err != nil {
		t.Fatal(err)
	}
	follow := map[string]func(context.Context) (n int, err error){
		clients.ClientV3: func(parent context.Context) (n int, err error) {
			for r := range both.Etcd.Watch(parent, prefix, clientv3.WithPrefix(), clientv3.WithRev(1)) {
				if err := r.Err(); err != nil {
					return n, err
				}
				if n += len(r.Events); n >= events {
					break
				}
			}
			return n, nil
		},
		clients.Eetcd: func(parent context.Context) (n int, err error) {
			w, err := watch.Watch(parent, watch.New(both.SDK.Name()).WithKey(prefix).WithPrefix().WithStartRevision(1))
			if err != nil {
				return 0, err
			}
			defer w.Close()
			for _, err := range w.Events() {
				if err != nil {
					return n, err
				}
				if n++; n == events {
					break
				}
			}
			return n, nil
		},
	}
	names := []string{clients.ClientV3, clients.Eetcd}
	costs := map[string]cost{}
	paired(costs, len(names), func(i int) (string, cost) {
		return names[i], spent(events, func() {
			parent, cancel := context.WithCancel(t.Context())
			defer cancel()
			if n, err := follow[names[i]](parent); err != nil || n != events {
				t.Errorf("%s: %d events, %v", names[i], n, err)
			}
		})
	})
	v3, ours := costs[clients.ClientV3], costs[clients.Eetcd]
	t.Logf("clientv3 %.2f objects, %.0f bytes; eetcd %.2f, %.0f", v3.objects, v3.bytes, ours.objects, ours.bytes)
	if share := ours.objects / v3.objects; share > mostOfV3sObjectsForAnEvent {
		t.Errorf("%.3f of the objects of clientv3, want at most %.2f", share, mostOfV3sObjectsForAnEvent)
	}
	if share := ours.bytes / v3.bytes; share > mostOfV3sBytesForAnEvent {
		t.Errorf("%.3f of the bytes of clientv3, want at most %.2f", share, mostOfV3sBytesForAnEvent)
	}
}
