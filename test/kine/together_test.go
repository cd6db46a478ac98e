// SPDX-License-Identifier: Apache-2.0

package kine

import (
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/forward"
)

// TestReadsAtTheSameTimeSucceed makes more reads at a time than requests: kine refuses transactions that only read, so reads do not
// travel together for long.
func TestReadsAtTheSameTimeSucceed(t *testing.T) {
	const readers = 32
	server := forward.Start(t, etcdtest.StartKine(t).Endpoint(), keepalive.ServerParameters{})
	r := kv.New(onecluster.Open(t, "", []string{server.Endpoint}).Name())
	for i := range readers {
		if _, err := kv.Put(t.Context(), r.WithKey(fmt.Sprintf("/k/%d", i)).WithValue(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	calls := func() (ranges, txns int) {
		return server.Calls(pb.KV_Range_FullMethodName).N, server.Calls(pb.KV_Txn_FullMethodName).N
	}
	for round := range 20 {
		ranges, txns := calls()
		var reading sync.WaitGroup
		for i := range readers {
			reading.Go(func() {
				got, err := kv.Get(t.Context(), r.WithKey(fmt.Sprintf("/k/%d", i)))
				if err != nil || got.GetCount() != 1 || len(got.GetKvs()) != 1 || string(got.GetKvs()[0].GetValue()) != fmt.Sprint(i) {
					t.Errorf("round %d: get of key %d: %v, %v", round, i, got, err)
				}
			})
		}
		reading.Wait()
		now, nowTxns := calls()
		if now-ranges != readers || nowTxns-txns > readers {
			t.Errorf("round %d: %d reads and %d transactions for %d callers", round, now-ranges, nowTxns-txns, readers)
		}
	}
	if _, txns := calls(); txns > 2*readers {
		t.Errorf("%d transactions, all of them refused", txns)
	}
}
