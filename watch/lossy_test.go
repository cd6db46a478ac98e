// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

func lossy(cluster *etcdtest.Cluster) bool {
	return engine.Lossy(strings.TrimPrefix(cluster.Member(0).Version(), "v"))
}

// TestDeletionAtTheRevisionOfACompactionIsNotLost compacts the history at exactly the revision from which a watch goes on. Members
// before 3.4.34 and 3.5.16 remove the deletion, so there the watch says that its history is compacted.
func TestDeletionAtTheRevisionOfACompactionIsNotLost(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster)
	lossy := lossy(cluster)
	compacted := func(t *testing.T, key ctx.Ctx) (deleted int64) {
		t.Helper()
		r, err := kv.Delete(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		deleted = r.GetHeader().GetRevision()
		put(t, c, t.Name(), "2")
		if _, err := kv.Compact(t.Context(), c.WithRev(deleted).WithPhysical()); err != nil {
			t.Fatal(err)
		}
		return deleted
	}
	for name, begin := range map[string]func(t *testing.T, c ctx.Ctx) (w *watch.Watcher, deleted int64){
		"a watch that resumes": func(t *testing.T, c ctx.Ctx) (*watch.Watcher, int64) {
			w := start(t, c, watch.WithBuffer(1))
			put(t, c, t.Name(), "1") // fills the buffer, so the deletion has no room
			deleted := compacted(t, c)
			for began := time.Now(); !w.Status().Parked; time.Sleep(time.Millisecond) {
				if time.Since(began) > 30*time.Second {
					t.Fatal("the watch is not parked")
				}
			}
			read(t, w, 1)
			return w, deleted
		},
		"a new watch": func(t *testing.T, c ctx.Ctx) (*watch.Watcher, int64) {
			put(t, c, t.Name(), "1")
			deleted := compacted(t, c)
			return start(t, c.WithStartRevision(deleted)), deleted
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, deleted := begin(t, c.WithKey(t.Name()))
			for e, err := range w.Events() {
				var tooOld *watch.CompactedError
				switch {
				case lossy && errors.As(err, &tooOld) && tooOld.CompactRevision == deleted+1:
				case err != nil:
					t.Fatal(err)
				case lossy || e.Type != mvccpb.Event_DELETE || e.Kv.ModRevision != deleted:
					t.Errorf("got %v of %s at %d, want the deletion at %d", e.Type, e.Kv.Key, e.Kv.ModRevision, deleted)
				}
				break
			}
		})
	}
}
