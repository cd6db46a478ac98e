// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/soak"
)

// readStep is the time from one common read of all readers to the next one.
const readStep = 50 * time.Millisecond

// inStep waits until a multiple of step after start, so that those who call it go on at the same time. It returns false once life has
// ended.
func inStep(life context.Context, start time.Time, step time.Duration) bool {
	select {
	case <-life.Done():
		return false
	case <-time.After(step - time.Since(start)%step):
		return true
	}
}

// mustNotGoBack checks that each answer is at least as new as every other one that had come before its request began.
func mustNotGoBack(t *testing.T, history []operation) {
	t.Helper()
	answered := slices.DeleteFunc(slices.Clone(history), func(o operation) bool { return o.err != nil })
	begun := slices.Clone(answered)
	slices.SortFunc(answered, func(a, b operation) int { return cmp.Compare(a.done, b.done) })
	slices.SortFunc(begun, func(a, b operation) int { return cmp.Compare(a.call, b.call) })
	var newest operation // of those that had been answered by then
	for _, o := range begun {
		for len(answered) > 0 && answered[0].done < o.call {
			if answered[0].rev > newest.rev {
				newest = answered[0]
			}
			answered = answered[1:]
		}
		if o.rev < newest.rev {
			t.Errorf("%v, which began after the answer %v", o, newest)
		}
	}
}

// mustHaveTravelledTogether checks that members have served far fewer reads than succeeded.
func mustHaveTravelledTogether(t *testing.T, cluster *etcdtest.Cluster, history []operation) {
	t.Helper()
	succeeded := 0
	for _, o := range history {
		if o.kind == get && o.err == nil {
			succeeded++
		}
	}
	reads, txns := 0, 0
	for _, m := range cluster.Members() {
		reads += served(t, m, "Range")
		txns += served(t, m, "Txn")
	}
	t.Logf("%d reads have succeeded; since their last start, the members have served %d and %d transactions", succeeded, reads, txns)
	if txns == 0 || reads > succeeded/2 {
		t.Error("too many reads went alone")
	}
}

// served returns how many requests of a method of KV a member has seen since its start.
func served(t *testing.T, m *etcdtest.Member, method string) (n int) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get("http://" + m.Endpoint() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	wanted := fmt.Sprintf(`grpc_server_started_total{grpc_method="%s",grpc_service="etcdserverpb.KV"`, method)
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, wanted) {
			count, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			if err != nil {
				t.Fatal(err)
			}
			n += int(count)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReadsThatTravelTogetherSeeEveryAcknowledgedWrite has 64 readers read one key at the same time, and so with one operation,
// while it is written and members are lost. No answer may be older than a write that was acknowledged before its read began.
func TestReadsThatTravelTogetherSeeEveryAcknowledgedWrite(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c := open(t, cluster.Endpoints())
	pick := newRand(t)
	var running sync.WaitGroup
	life, cancel := context.WithCancel(context.Background())
	stop := func() {
		cancel()
		running.Wait()
	}
	defer stop()
	w := &workers{conn: c, start: time.Now()}
	work := func(client int, o operation) {
		o.client, o.key, o.call = client, "counter", w.now()
		o.carryOut(kv.New(c.Name()).WithTimeout(workTimeout))
		o.done = w.now()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.done = append(w.done, o)
	}
	running.Go(func() {
		for n := 0; life.Err() == nil; n++ {
			work(0, operation{kind: put, id: strconv.Itoa(n)})
		}
	})
	for i := range readerCount {
		running.Go(func() {
			for inStep(life, w.start, readStep) {
				work(1+i, operation{kind: get})
			}
		})
	}
	kinds := []fault{kill, pause, partition}
	end := time.Now().Add(soak.Length(t, historyLength))
	for n := 0; n < len(kinds) || time.Now().Before(end); n++ {
		endure(t, cluster, w, kinds[n%len(kinds)], pick)
	}
	awaitAllActive(t, c)
	stop()
	history := w.since(0)
	t.Log(tally(history))
	mustHaveTravelledTogether(t, cluster, history)
	mustNotGoBack(t, history)
	for _, f := range recordOf(t, c).audit(history) {
		t.Error(f)
	}
}
