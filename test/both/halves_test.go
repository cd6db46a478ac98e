// SPDX-License-Identifier: Apache-2.0

package both

import (
	"testing"
	"time"

	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

// clientv3 is made of halves: its own logic, and etcd's stubs, which may be used on a connection of this SDK. Its watch
// ends for good at an error that is not Unavailable.
func TestClientv3OnOurConnectionSurvivesAnOutage(t *testing.T) {
	for _, tt := range []struct {
		name       string
		begin, end func(*etcdtest.Member)
	}{
		{"killed", (*etcdtest.Member).Kill, (*etcdtest.Member).Restart},
		{"stopped", (*etcdtest.Member).Pause, (*etcdtest.Member).Resume}, // the connection ends its streams itself
	} {
		t.Run(tt.name, func(t *testing.T) {
			cluster := etcdtest.Start(t)
			c, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithPatience(100*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			parent := bounded(t)
			kv := clientv3.NewKVFromKVClient(etcdpb.NewKVClient(c), nil)
			watcher := clientv3.NewWatchFromWatchClient(etcdpb.NewWatchClient(c), nil)
			defer watcher.Close()
			events := watcher.Watch(parent, "k")
			if _, err := kv.Put(parent, "k", "before"); err != nil {
				t.Fatal(err)
			}
			next := func(want string) {
				t.Helper()
				r, more := <-events
				if !more || r.Err() != nil || len(r.Events) != 1 || string(r.Events[0].Kv.Value) != want {
					t.Fatalf("want the event of %q, got %v, %v, more: %v", want, r.Events, r.Err(), more)
				}
			}
			next("before")
			tt.begin(cluster.Member(0))
			refused := false
			for began := time.Now(); !refused && time.Since(began) < 20*time.Second; {
				_, err := kv.Put(parent, "other", "during")
				refused = status.Code(err) == codes.Unavailable
			}
			if !refused {
				t.Error("no put of the outage was Unavailable")
			}
			time.Sleep(500 * time.Millisecond) // for the watch to be refused as well
			tt.end(cluster.Member(0))
			if err := c.WaitReady(parent); err != nil {
				t.Fatal(err)
			}
			if _, err := kv.Put(parent, "k", "after"); err != nil {
				t.Fatal(err)
			}
			next("after")
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := kv.Get(parent, "k"); status.Code(err) != codes.Canceled {
				t.Errorf("on a closed connection: %v", err)
			}
		})
	}
}

func TestMessagesOfEtcdsTypesAreRecognisedAsReads(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, m := range cluster.Members() {
		if m == cluster.Leader() {
			continue
		}
		m.Pause()
		defer m.Resume()
		break
	}
	get := &etcdpb.RequestOp{Request: &etcdpb.RequestOp_RequestRange{RequestRange: &etcdpb.RangeRequest{Key: []byte("k")}}}
	for range 3 { // one of them goes to the silent member first; a write would stay there
		if _, err := etcdpb.NewKVClient(c).Txn(bounded(t), &etcdpb.TxnRequest{Success: []*etcdpb.RequestOp{get}}); err != nil {
			t.Errorf("a transaction that reads: %v", err)
		}
	}
}
