// SPDX-License-Identifier: Apache-2.0

// Package batches proves that reads which travel together bring each caller exactly what a request of its own would have: the same
// answer, the same error, at the same time. Only their number is smaller.
package batches

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/forward"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// long is a timeout that does not pass in a test.
const long = 30 * time.Second

// readers is how many callers read at the same time.
const readers = 64

// world is a member behind a server that counts requests and may hold them up.
type world struct {
	*testing.T
	cluster *etcdtest.Cluster
	*forward.Server
}

func newWorld(t *testing.T, opts ...etcdtest.Option) world {
	t.Helper()
	cluster := etcdtest.Start(t, opts...)
	return world{t, cluster, forward.Start(t, cluster.Member(0).Endpoint(), keepalive.ServerParameters{})}
}

// open connects through the server.
func (w world) open(opts ...conn.Option) *conn.Conn {
	w.Helper()
	return onecluster.Open(w.T, "", []string{w.Endpoint}, opts...)
}

// put writes keys, each with a value of its own, and returns them.
func (w world) put(prefix string, n int) (keys []string) {
	w.Helper()
	c := onecluster.Open(w.T, "", w.cluster.Endpoints())
	for i := range n {
		keys = append(keys, fmt.Sprintf("%s%03d", prefix, i))
		if _, err := kv.Put(w.Context(), kv.New(c.Name()).WithKey(keys[i]).WithValue(valueOf(keys[i]))); err != nil {
			w.Fatal(err)
		}
	}
	return keys
}

func valueOf(key string) string { return "value of " + key }

func (w world) ranges() int { return w.Calls(pb.KV_Range_FullMethodName).N }
func (w world) txns() int   { return w.Calls(pb.KV_Txn_FullMethodName).N }

// counted returns how many reads and how many transactions f makes.
func (w world) counted(f func()) (ranges, txns int) {
	ranges, txns = w.ranges(), w.txns()
	f()
	return w.ranges() - ranges, w.txns() - txns
}

// answer is what one caller got.
type answer struct {
	*pb.RangeResponse
	err error
}

// together has callers make reads while another read is under way, which is held up until all have begun.
func (w world) together(c *conn.Conn, n int, read func(i int) answer) []answer {
	w.Helper()
	answers := make([]answer, n)
	w.meanwhile(c, func(calls *sync.WaitGroup) {
		for i := range n {
			calls.Go(func() { answers[i] = read(i) })
		}
	}, func() {})
	return answers
}

// meanwhile holds up a first read, begins calls, does something while they wait, and returns when all have ended.
func (w world) meanwhile(c *conn.Conn, begin func(calls *sync.WaitGroup), do func()) {
	w.Helper()
	var calls sync.WaitGroup
	defer calls.Wait()
	defer w.Release()
	w.Hold()
	requests := func() int { return w.ranges() + w.txns() } // a trip that is hardly back takes the read along
	before := requests()
	calls.Go(func() { _, _ = kv.Get(w.Context(), kv.New(c.Name()).WithKey("first")) })
	w.await("the first read to arrive", func() bool { return requests() > before })
	begin(&calls)
	do()
}

func (w world) await(what string, done func() bool) {
	w.Helper()
	onecluster.Eventually(w.T, 20*time.Second, what, func() error {
		if !done() {
			return errors.New("not yet")
		}
		return nil
	})
}

// get reads a key with a request of the SDK.
func get(parent context.Context, c *conn.Conn, key string) answer {
	r, err := kv.Get(parent, kv.New(c.Name()).WithKey(key))
	return answer{r, err}
}

// gets reads one of the keys for each caller.
func gets(t *testing.T, c *conn.Conn, keys []string) func(int) answer {
	return func(i int) answer { return get(t.Context(), c, keys[i%len(keys)]) }
}

// atOnce has callers make reads at the same time.
func atOnce(n int, read func(i int) answer) []answer {
	answers := make([]answer, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { answers[i] = read(i) })
	}
	calls.Wait()
	return answers
}

// mustHold checks that an answer has the value of its key.
func (w world) mustHold(key string, got answer) {
	w.Helper()
	switch {
	case got.err != nil:
		w.Errorf("%s: %v", key, got.err)
	case got.GetCount() != 1 || len(got.Kvs) != 1 || string(got.Kvs[0].Key) != key || string(got.Kvs[0].Value) != valueOf(key):
		w.Errorf("%s: got %v", key, got.RangeResponse)
	}
}

var varying = regexp.MustCompile(`\d+(\.\d+)?(ms|µs|s)|"eetcd-\d+"`)

// textOf returns the text of an error without times and names of connections, which differ.
func textOf(err error) string {
	if err == nil {
		return "no error"
	}
	return varying.ReplaceAllString(err.Error(), "…")
}
