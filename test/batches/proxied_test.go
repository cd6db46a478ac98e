// SPDX-License-Identifier: Apache-2.0

package batches

import (
	"context"
	"testing"

	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/forward"
)

// newProxiedWorld puts etcd's gRPC proxy between the member and the server that counts.
func newProxiedWorld(t *testing.T) world {
	t.Helper()
	cluster := etcdtest.Start(t)
	return world{t, cluster, forward.Start(t, cluster.GRPCProxy().Endpoint(), keepalive.ServerParameters{})}
}

// getOf returns a function that reads one of the keys for each caller, and notes what a hook was told of it.
func getOf(w world, c *conn.Conn, keys []string, serializable bool, all []conn.CallResult) func(int) answer {
	return func(i int) answer {
		request := kv.New(c.Name()).WithKey(keys[i])
		if serializable {
			request = request.WithSerializable()
		}
		var results []conn.CallResult
		r, err := kv.Get(context.WithValue(w.Context(), told{}, &results), request)
		if len(results) == 1 {
			all[i] = results[0]
		}
		return answer{r, err}
	}
}

func TestReadsThroughAGRPCProxyTravelTogether(t *testing.T) {
	w := newWorld(t)
	keys := w.put("k/", readers)
	c := onecluster.Open(t, "", []string{w.cluster.GRPCProxy().Endpoint()})
	alone := get(t.Context(), onecluster.Open(t, "", []string{w.cluster.GRPCProxy().Endpoint()}, conn.WithoutBatching()), keys[0])
	for range 3 {
		for _, serializable := range []bool{false, true} {
			answers := atOnce(readers, func(i int) answer {
				request := kv.New(c.Name()).WithKey(keys[i])
				if serializable {
					request = request.WithSerializable()
				}
				r, err := kv.Get(t.Context(), request)
				return answer{r, err}
			})
			for i, key := range keys {
				w.mustHold(key, answers[i])
				// The proxy remembers what any client's transaction reads, with a header that has only the revision. It
				// answers a serializable read from there.
				if h := answers[i].GetHeader(); h.GetRevision() != alone.Header.Revision || !serializable && h.GetClusterId() != alone.Header.ClusterId {
					t.Errorf("%s: header %v, want %v", key, h, alone.Header)
				}
			}
		}
	}
}

// TestReadsInCompanyAreNewThroughAGRPCProxyThatRemembersOldAnswers writes past the proxy, which keeps the answers that it remembers.
func TestReadsInCompanyAreNewThroughAGRPCProxyThatRemembersOldAnswers(t *testing.T) {
	for name, serializable := range map[string]bool{"linearizable": false, "serializable": true} {
		t.Run(name, func(t *testing.T) {
			w := newProxiedWorld(t)
			c, lone := w.open(conn.WithHooks(told{})), w.open(conn.WithoutBatching())
			keys := w.put("k/", readers)
			value := func(got answer) string {
				t.Helper()
				if got.err != nil || len(got.Kvs) != 1 {
					t.Fatalf("got %v, %v", got.RangeResponse, got.err)
				}
				return string(got.Kvs[0].Value)
			}
			alone := func(serializable bool) (values []string) {
				t.Helper()
				read := getOf(w, lone, keys, serializable, make([]conn.CallResult, readers))
				for i := range keys {
					values = append(values, value(read(i)))
				}
				return values
			}
			alone(true) // now the proxy has something to remember
			direct := onecluster.Open(t, "", w.cluster.Endpoints())
			for _, key := range keys {
				if _, err := kv.Put(t.Context(), kv.New(direct.Name()).WithKey(key).WithValue("new")); err != nil {
					t.Fatal(err)
				}
			}
			for i, got := range alone(true) {
				if got != valueOf(keys[i]) {
					t.Fatalf("%s: a serializable read that goes alone got %q, which is not what the proxy remembers", keys[i], got)
				}
			}

			results := make([]conn.CallResult, readers)
			batched := 0
			for i, got := range w.together(c, readers, getOf(w, c, keys, serializable, results)) {
				if results[i].Batched {
					batched++
				}
				if got := value(got); got != "new" && (results[i].Batched || !serializable) {
					t.Errorf("%s: got %q, batched %t", keys[i], got, results[i].Batched)
				}
			}
			if batched < readers/2 {
				t.Errorf("%d of %d reads travelled in company", batched, readers)
			}
			for i, got := range alone(true) {
				if got != "new" && results[i].Batched {
					t.Errorf("%s: got %q, although a read in company has got the new value", keys[i], got)
				}
			}
		})
	}
}
