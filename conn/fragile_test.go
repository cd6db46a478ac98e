// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// versioned returns a fake member of a version, and how many transactions it has received.
func versioned(t *testing.T, name, version string) (m *member, txns *atomic.Int64) {
	txns = &atomic.Int64{}
	m = newMember(t, name, grpc.UnaryInterceptor(func(
		parent context.Context, r any, call *grpc.UnaryServerInfo, answer grpc.UnaryHandler,
	) (any, error) {
		if call.FullMethod == pb.KV_Txn_FullMethodName {
			txns.Add(1)
		}
		return answer(parent, r)
	}))
	m.Version = version
	return m, txns
}

// Servers of some versions crash when a transaction that only reads is cancelled. A batch may be cancelled at any time.
func TestServersThatACancelledReadCrashesGetNoBatches(t *testing.T) {
	for version, want := range map[string]bool{"3.4.13": true, "3.5.6": false, "3.5.7": true, "3.7.3": true} {
		synctest.Test(t, func(t *testing.T) {
			m, txns := versioned(t, "a", version)
			m.answerKV(slowly(100 * time.Millisecond))
			c := openFake(t, []*member{m}, conn.WithBatching())
			var reading sync.WaitGroup
			for i := range 8 {
				reading.Go(func() {
					if _, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey(string(rune('a'+i)))); err != nil {
						t.Errorf("%s: %v", version, err)
					}
				})
			}
			reading.Wait()
			_, _ = kv.GetMany(t.Context(), kv.New(c.Name()), "a", "b", "c") // fails, because the fake member names no revision
			if got := txns.Load() > 0; got != want {
				t.Errorf("%s: %d transactions", version, txns.Load())
			}
		})
	}
}

// The answer of one of the two attempts of a hedged read cancels the other one.
func TestTransactionOfReadsIsNotHedgedOnServersThatCancellationCrashes(t *testing.T) {
	for version, want := range map[string]int64{"3.5.6": 0, "3.5.7": 1} {
		synctest.Test(t, func(t *testing.T) {
			a, _ := versioned(t, "a", version)
			b, txns := versioned(t, "b", version)
			c := openFake(t, []*member{a, b})
			a.Pause()
			txn := op.If(compare.Exists("k")).Then(op.Get(kv.Key("k")))
			for range 2 { // one of the two begins at the silent member
				limited, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
				_, _ = kv.Txn(limited, kv.New(c.Name()), txn)
				cancel()
			}
			if got := txns.Load() - 1; got != want {
				t.Errorf("%s: %d hedges, want %d", version, got, want)
			}
		})
	}
}
