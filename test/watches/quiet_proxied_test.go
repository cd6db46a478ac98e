// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// TestQuietWatchBehindAProxyDoesNotFallBehindCompaction has watches without events survive a compaction of all history
// and a restart of the proxy and of the member behind it. The proxy answers no progress request.
func TestQuietWatchBehindAProxyDoesNotFallBehindCompaction(t *testing.T) {
	cluster := etcdtest.Start(t)
	proxy := cluster.GRPCProxy()
	c, direct := open(t, []string{proxy.Endpoint()}), open(t, cluster.Endpoints())
	write(t, direct, "a/quiet/before", 1)
	quiet := map[string]*watch.Watcher{
		"a/quiet/": start(t, c.WithKey("a/quiet/").WithPrefix()),              // a key near it changes
		"b":        start(t, c.WithKey("b")),                                  // only keys far from it change
		"c/quiet/": start(t, c.WithKey("c/quiet/").WithPrefix().WithPrevKV()), // as above
		"zz":       start(t, c.WithKey("zz").WithFromKey()),                   // no key comes after it
	}
	for range 20 {
		write(t, direct, "a/busy", 1)
		write(t, direct, "a/quieter", 1)
		write(t, direct, "e", 1)
	}
	compacted := write(t, direct, "e", 1)
	began := time.Now()
	for _, w := range quiet {
		awaitRev(t, w, compacted)
	}
	t.Logf("the quiet watches have moved on after %v", time.Since(began).Round(time.Millisecond))
	if _, err := kv.Compact(t.Context(), direct.WithRev(compacted)); err != nil {
		t.Fatal(err)
	}
	proxy.Kill()
	cluster.Member(0).Kill()
	cluster.Member(0).Restart()
	want := map[string][]string{}
	happens := func(of, key string) {
		rev := write(t, direct, key, 1)
		r, err := kv.Delete(t.Context(), direct.WithKey(key))
		if err != nil {
			t.Fatal(err)
		}
		want[of] = append(want[of], fmt.Sprint(rev, " PUT ", key), fmt.Sprint(r.Header.Revision, " DELETE ", key))
	}
	keys := map[string]string{"a/quiet/": "a/quiet/1", "b": "b", "c/quiet/": "c/quiet/1", "zz": "zzz"}
	for of, key := range keys {
		happens(of, key) // while the watch is away
	}
	proxy.Restart()
	for of, key := range keys {
		happens(of, key)
	}
	for of, w := range quiet {
		stuck := time.AfterFunc(30*time.Second, func() { _ = w.Close() })
		var got []string
		for event, err := range w.Events() {
			if err != nil {
				t.Errorf("the watch of %s: %v", of, err)
				break
			}
			if got = append(got, fmt.Sprint(event.Kv.ModRevision, " ", event.Type, " ", string(event.Kv.Key))); len(got) == len(want[of]) {
				break
			}
		}
		stuck.Stop()
		if !slices.Equal(got, want[of]) {
			t.Errorf("the watch of %s got %v, want %v", of, got, want[of])
		}
	}
}
