// SPDX-License-Identifier: Apache-2.0

// Package pages shows that kv.All reads a large range while servers die. $EETCD_PAGES_KEYS sets the number of keys, 30000 by
// default.
package pages

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	prefix     = "pages/"
	valueBytes = 100
	perTxn     = 1000
	// memoryMax is the heap of the whole program while it reads a range of any size.
	memoryMax = 64 << 20
)

// TestAllReadsEachKeyOnceAtOneRevisionWhileServersDie has writers change the range during each reading as well.
func TestAllReadsEachKeyOnceAtOneRevisionWhileServersDie(t *testing.T) {
	n := keys(t)
	// With five members, two may stay dead: one that has a million keys takes long to start again.
	cluster := etcdtest.Start(t, etcdtest.WithSize(5), etcdtest.WithProxy(), etcdtest.WithFlags("--max-txn-ops="+strconv.Itoa(perTxn)))
	proxy := cluster.GRPCProxy()
	direct := open(t, cluster.Endpoints()...)
	began := time.Now()
	fill(t, direct, n)
	t.Logf("%d keys of %d bytes were put in %v", n, valueBytes, time.Since(began).Round(time.Millisecond))
	for _, c := range []struct {
		name      string
		endpoints []string
		die       func(busy *etcdtest.Member)
	}{
		{"a gRPC proxy dies and comes back", []string{proxy.Endpoint()}, func(*etcdtest.Member) { proxy.Kill(); proxy.Restart() }},
		{"a member behind a gRPC proxy dies", []string{proxy.Endpoint()}, (*etcdtest.Member).Kill},
		{"a member dies", cluster.Endpoints(), (*etcdtest.Member).Kill},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := open(t, c.endpoints...)
			sent := bytesSent(cluster)
			r := read(t, to, n, func() {
				c.die(busiest(cluster, sent))
				sent = bytesSent(cluster)
				change(t, direct, n)
			})
			after := int64(0)
			for m, now := range bytesSent(cluster) {
				after += now - sent[m]
			}
			restore(t, direct, n)
			t.Logf("etcd %s, %s: %d keys in %v, %d KiB of them after that; heap %d KiB before, at most %d KiB after a collection and %d KiB "+
				"without one", cluster.Member(0).Version(), c.name, n, r.took.Round(time.Millisecond), after>>10,
				r.before>>10, r.held>>10, r.peak>>10)
			// A small range may have been received as a whole by then.
			if n >= 100_000 && after < int64(n)*valueBytes/10 {
				t.Errorf("only %d bytes were sent after the death, so it was not in the middle", after)
			}
			if r.held > memoryMax {
				t.Errorf("the heap has %d MiB while %d keys are read, want at most %d MiB", r.held>>20, n, memoryMax>>20)
			}
		})
	}
}

func keys(t *testing.T) int {
	t.Helper()
	given := os.Getenv("EETCD_PAGES_KEYS")
	if given == "" {
		return 30000
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < perTxn || n%perTxn != 0 {
		t.Fatalf("EETCD_PAGES_KEYS=%q: want a multiple of %d", given, perTxn)
	}
	return n
}

func open(t *testing.T, endpoints ...string) kv.Request {
	t.Helper()
	return kv.New(onecluster.Open(t, "", endpoints).Name()).WithTimeout(30 * time.Second)
}

func name(i int) string { return fmt.Sprintf("%s%08d", prefix, i) }

func pair(i int) kv.Request { return kv.Key(name(i)).WithValue(strings.Repeat("x", valueBytes)) }

// fill puts n keys.
func fill(t *testing.T, to kv.Request, n int) {
	t.Helper()
	var writers sync.WaitGroup
	tasks := make(chan int)
	for range 4 {
		writers.Go(func() {
			for from := range tasks {
				puts := make([]op.Op, perTxn)
				for i := range puts {
					puts[i] = op.Put(pair(from + i))
				}
				commit(t, to, puts...)
			}
		})
	}
	for from := 0; from < n; from += perTxn {
		tasks <- from
	}
	close(tasks)
	writers.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// commit carries out a transaction that may be carried out more than once.
func commit(t *testing.T, to kv.Request, ops ...op.Op) {
	t.Helper()
	_, err := kv.Txn(t.Context(), to, op.If().Then(ops...))
	for tries := 1; err != nil && tries < 5; tries++ {
		_, err = kv.Txn(t.Context(), to, op.If().Then(ops...))
	}
	if err != nil {
		t.Error(err)
	}
}

// change changes the last keys of the range, which have not been read then.
func change(t *testing.T, to kv.Request, n int) {
	t.Helper()
	commit(t, to, op.Delete(kv.Key(name(n-2))), op.Put(kv.Key(name(n-1)).WithValue("changed")), op.Put(kv.Key(name(n)).WithValue("new")))
}

// restore undoes change.
func restore(t *testing.T, to kv.Request, n int) {
	t.Helper()
	commit(t, to, op.Delete(kv.Key(name(n))), op.Put(pair(n-2)), op.Put(pair(n-1)))
}

// reading is what a reading took.
type reading struct {
	took time.Duration
	// heap in use: before it, at most after a collection, and at most without one
	before, held, peak uint64
}

// read reads the range, has a server die after a quarter of the keys, and checks each key.
func read(t *testing.T, to kv.Request, n int, die func()) (r reading) {
	t.Helper()
	r.before = inUse(true)
	began, i := time.Now(), 0
	for pair, err := range kv.All(t.Context(), to.WithKey(prefix).WithPrefix()) {
		if err != nil {
			t.Fatalf("after %d of %d keys: %v", i, n, err)
		}
		if string(pair.GetKey()) != name(i) || len(pair.GetValue()) != valueBytes {
			t.Fatalf("key %d is %s with %d bytes at revision %d", i, pair.GetKey(), len(pair.GetValue()), pair.GetModRevision())
		}
		i++
		if i == n/4 {
			die()
		}
		if i%(n/100) == 0 {
			r.peak = max(r.peak, inUse(false))
		}
		if i%(n/10) == 0 {
			r.held = max(r.held, inUse(true))
		}
	}
	if r.took = time.Since(began); i != n {
		t.Fatalf("there are %d keys, want %d", i, n)
	}
	return r
}

func inUse(collect bool) uint64 {
	if collect {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// bytesSent is what each member has sent to its clients.
func bytesSent(cluster *etcdtest.Cluster) map[*etcdtest.Member]int64 {
	sent := map[*etcdtest.Member]int64{}
	for _, m := range cluster.Members() {
		sent[m] = m.Sent()
	}
	return sent
}

// busiest is the member that has sent most since then: the one that is read from.
func busiest(cluster *etcdtest.Cluster, since map[*etcdtest.Member]int64) (busiest *etcdtest.Member) {
	most := int64(-1)
	for m, now := range bytesSent(cluster) {
		if sent := now - since[m]; sent > most {
			busiest, most = m, sent
		}
	}
	return busiest
}
