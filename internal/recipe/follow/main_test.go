// SPDX-License-Identifier: Apache-2.0

package follow_test

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/kv"
)

// registry is the connection to the cluster that the tests share.
const registry = "registry"

func TestMain(m *testing.M) { onecluster.Main(m, registry, nil) }

// under is a request for the keys of a test.
func under(t *testing.T, connection string) ctx.Ctx {
	return kv.New(connection).WithKey(t.Name() + "/").WithPrefix()
}

// own opens a connection to a cluster of the test's own.
func own(t *testing.T, cluster *etcdtest.Cluster, opts ...conn.Option) string {
	t.Helper()
	c, err := conn.Open(t.Context(), "", cluster.Endpoints(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.Name()
}

func put(t *testing.T, connection, key, value string) int64 {
	t.Helper()
	r, err := kv.Put(t.Context(), kv.New(connection).WithKey(t.Name()+"/"+key).WithValue(value).WithTimeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return r.GetHeader().GetRevision()
}

func remove(t *testing.T, connection, key string) int64 {
	t.Helper()
	r, err := kv.Delete(t.Context(), kv.New(connection).WithKey(t.Name()+"/"+key).WithTimeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return r.GetHeader().GetRevision()
}

func compact(t *testing.T, connection string, rev int64) {
	t.Helper()
	if _, err := kv.Compact(t.Context(), kv.New(connection).WithRev(rev).WithPhysical()); err != nil {
		t.Fatal(err)
	}
}

// replica is a copy of a range as a user of a follower keeps one: what it shows changes with whole steps only.
type replica struct {
	t *testing.T
	f *follow.Follower

	mu    sync.Mutex
	shown map[string]*mvccpb.KeyValue // replaced, never changed
	draft map[string]*mvccpb.KeyValue // what the steps so far make of it
}

// copying follows a range.
func copying(t *testing.T, s follow.Spec) *replica {
	t.Helper()
	r := &replica{t: t}
	s.Known = r.known
	var err error
	if r.f, err = follow.New(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.f.Close)
	return r
}

func (r *replica) known() iter.Seq2[string, int64] {
	shown := r.now()
	return func(yield func(string, int64) bool) {
		for _, key := range slices.Sorted(maps.Keys(shown)) {
			if !yield(key, shown[key].GetModRevision()) {
				return
			}
		}
	}
}

func (r *replica) now() map[string]*mvccpb.KeyValue {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shown
}

// take applies a step.
func (r *replica) take(s follow.Step) {
	if s.Part < 2 && len(s.Events) > 0 || s.Part == 1 {
		if r.draft = maps.Clone(r.now()); r.draft == nil {
			r.draft = map[string]*mvccpb.KeyValue{}
		}
	}
	for _, e := range s.Events {
		if e.GetType() == mvccpb.Event_DELETE {
			delete(r.draft, string(e.GetKv().GetKey()))
		} else {
			r.draft[string(e.GetKv().GetKey())] = e.GetKv()
		}
	}
	if !s.More {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.shown = r.draft
	}
}

// until reads steps until one is as wanted. Failures are passed over.
func (r *replica) until(wanted func(follow.Step) bool) follow.Step {
	r.t.Helper()
	stop := time.AfterFunc(time.Minute, r.f.Close)
	defer stop.Stop()
	for step, err := range r.f.Steps() {
		if err != nil {
			r.t.Logf("a failure: %v", err)
			continue
		}
		r.take(step)
		if wanted(step) {
			return step
		}
	}
	r.t.Fatalf("the steps have ended with %v, and the wanted one is not among them", r.f.Err())
	return follow.Step{}
}

// to reads steps up to a revision.
func (r *replica) to(rev int64) follow.Step {
	r.t.Helper()
	return r.until(func(s follow.Step) bool { return s.Rev >= rev && !s.More })
}

// equals checks the copy against the store.
func (r *replica) equals(c ctx.Ctx) {
	r.t.Helper()
	all, err := kv.Get(r.t.Context(), c.WithTimeout(20*time.Second))
	if err != nil {
		r.t.Fatal(err)
	}
	got := r.now()
	if len(got) != len(all.GetKvs()) {
		r.t.Errorf("the copy has %d keys, the store %d", len(got), len(all.GetKvs()))
	}
	for _, pair := range all.GetKvs() {
		if has := got[string(pair.GetKey())]; has.GetModRevision() != pair.GetModRevision() || string(has.GetValue()) != string(pair.GetValue()) {
			r.t.Errorf("the copy has %v, the store %v", has, pair)
		}
	}
}
