// SPDX-License-Identifier: Apache-2.0

package follow_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/authpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/kv"
)

// TestStoreThatHasGoneBackIsToldInWhole restores a copy, and wipes a store.
func TestStoreThatHasGoneBackIsToldInWhole(t *testing.T) {
	for name, c := range map[string]struct {
		wipe   bool
		writes int
	}{
		"restored": {}, "restored, and past the revision again": {writes: 50}, "wiped": {wipe: true},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := etcdtest.Start(t)
			name := own(t, cluster)
			put(t, name, "kept", "1")
			copied := cluster.SaveData()
			r := copying(t, follow.Spec{Request: under(t, name)})
			r.to(1)
			r.to(put(t, name, "lost", "2"))
			r.to(put(t, name, "kept", "2"))
			if c.wipe {
				cluster.Wipe()
			} else {
				cluster.RestoreData(copied)
			}
			for i := range c.writes {
				put(t, name, "other", fmt.Sprint(i))
			}
			step := r.until(func(s follow.Step) bool { return s.Part > 0 && !s.More })
			if !step.Rewound || !step.Resync {
				t.Errorf("the new list is %+v", step)
			}
			r.equals(under(t, name))
			r.to(put(t, name, "next", "3"))
			r.equals(under(t, name))
		})
	}
}

// TestRefusalIsToldAndSurvived takes away the permission to read the keys, and gives it back.
func TestRefusalIsToldAndSurvived(t *testing.T) {
	cluster := etcdtest.Start(t)
	plain := own(t, cluster)
	grant := func(c auth.Request) error {
		_, err := auth.RoleGrantPermission(t.Context(), c, "reader", t.Name()+"/", kv.PrefixEnd(t.Name()+"/"), authpb.Permission_READ)
		return err
	}
	do := func(steps ...func() error) {
		t.Helper()
		for _, step := range steps {
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	anybody := auth.New(plain)
	do(
		func() error { _, err := auth.UserAdd(t.Context(), anybody, "root", "r"); return err },
		func() error { _, err := auth.UserGrantRole(t.Context(), anybody, "root", "root"); return err },
		func() error { _, err := auth.RoleAdd(t.Context(), anybody, "reader"); return err },
		func() error { return grant(anybody) },
		func() error { _, err := auth.UserAdd(t.Context(), anybody, "u", "u"); return err },
		func() error { _, err := auth.UserGrantRole(t.Context(), anybody, "u", "reader"); return err },
		func() error { _, err := auth.Enable(t.Context(), anybody); return err },
	)
	root := own(t, cluster, conn.WithCredentials("root", "r"))
	user := own(t, cluster, conn.WithCredentials("u", "u"))
	put(t, root, "k", "1")
	do(func() error { _, err := auth.UserRevokeRole(t.Context(), auth.New(root), "u", "reader"); return err })
	r := copying(t, follow.Spec{Request: under(t, user)})
	refused := 0
	for step, err := range r.f.Steps() {
		if err == nil {
			r.take(step)
			break
		}
		if s := r.f.Status(); !errors.Is(err, etcderr.ErrPermissionDenied) || !errors.Is(s.Err, etcderr.ErrPermissionDenied) || s.InStep {
			t.Fatalf("got %v, the status is %+v", err, s)
		}
		if refused++; refused == 3 {
			do(func() error { _, err := auth.UserGrantRole(t.Context(), auth.New(root), "u", "reader"); return err })
		}
	}
	if refused < 3 || len(r.now()) != 1 || !r.f.Status().InStep {
		t.Errorf("after %d refusals it has %v, the status is %+v", refused, r.now(), r.f.Status())
	}
	r.to(put(t, root, "k", "2"))
}

// TestCopyIsTrueThroughDeathsAndCompactions writes while members die one after the other and the history is compacted.
func TestCopyIsTrueThroughDeathsAndCompactions(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	name := own(t, cluster)
	r := copying(t, follow.Spec{Request: under(t, name)})
	r.to(1)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				c := kv.New(name).WithKey(fmt.Sprintf("%s/%d.%d", t.Name(), w, rand.IntN(20)))
				if rand.IntN(3) == 0 {
					_, _ = kv.Delete(t.Context(), c)
				} else {
					_, _ = kv.Put(t.Context(), c.WithValue(fmt.Sprint(i)))
				}
				if i%50 == 49 {
					if at, err := kv.Get(t.Context(), c); err == nil {
						_, _ = kv.Compact(t.Context(), kv.New(name).WithRev(at.GetHeader().GetRevision()))
					}
				}
			}
		})
	}
	writers.Go(func() {
		defer close(stop)
		for i := range 3 {
			cluster.Member(i).Kill()
			time.Sleep(500 * time.Millisecond)
			cluster.Member(i).Restart()
		}
	})
	var last atomic.Int64 // the revision of the last write, once it is known
	var written sync.WaitGroup
	written.Go(func() { writers.Wait(); last.Store(put(t, name, "last", "1")) })
	var at int64
	r.until(func(s follow.Step) bool {
		if s.Rev < at || s.Rewound {
			t.Errorf("at %d the store seems to go back: %+v", at, s)
		}
		at = s.Rev
		end := last.Load()
		return end > 0 && at >= end || len(s.Events) > 0 && strings.HasSuffix(string(s.Events[len(s.Events)-1].GetKv().GetKey()), "/last")
	})
	written.Wait()
	r.equals(under(t, name))
}
