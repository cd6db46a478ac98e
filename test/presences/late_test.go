// SPDX-License-Identifier: Apache-2.0

package presences

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/watch"
)

const (
	lateBy   = 4 * time.Second // longer than a presence waits for one member to answer
	comers   = 12
	lateRuns = 5 // until a put has come late
)

// TestLatePutsBringNoKeyBackAfterLeave has presences come and leave while one member gets its requests late. Each put that this
// member gets is carried out, or refused, after the presence has left.
func TestLatePutsBringNoKeyBackAfterLeave(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c := open(t, cluster)
	late := 0
	for run := 0; run < lateRuns && late == 0; run++ {
		prefix := strconv.Itoa(run) + "/"
		w, err := watch.Watch(t.Context(), c.WithKey(prefix).WithPrefix().WithFilterDelete())
		if err != nil {
			t.Fatal(err)
		}
		comeAndLeave(t, cluster, prefix)
		for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			there := get(t, c, prefix)
			if len(there.values) == 0 {
				break
			}
			if time.Since(began) > 20*time.Second {
				t.Fatalf("keys of presences that have left: %v", there)
			}
		}
		time.AfterFunc(time.Second, func() { _ = w.Close() })
		puts := map[string]int{}
		for e, err := range w.Events() {
			if err != nil {
				t.Fatal(err)
			}
			if e.GetType() == mvccpb.Event_PUT {
				puts[string(e.GetKv().GetKey())]++
			}
		}
		for key, n := range puts {
			switch {
			case strings.Contains(key, "shares"):
				late += n - 1
			case n > 1:
				t.Errorf("the key %s with a lease of its own was put %d times", key, n)
			}
		}
		t.Logf("%d presences came and left, and %d puts of those that share a lease came after that", 2*comers, late)
	}
	if late == 0 {
		t.Error("no put came late, so this shows nothing")
	}
}

// comeAndLeave returns when every request that was sent has arrived.
func comeAndLeave(t *testing.T, cluster *etcdtest.Cluster, prefix string) {
	leader := cluster.Leader()
	victim := cluster.Member(0)
	if victim == leader {
		victim = cluster.Member(1)
	}
	sessions, bases := make([]*presence.Presence, comers), make([]presence.Request, comers)
	for i := range comers {
		bases[i] = open(t, cluster) // a connection that does not know yet that the member is slow
		s, err := presence.Keep(t.Context(), bases[i].WithKey("session/"+prefix+strconv.Itoa(i)), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		sessions[i] = s
		for range i % 3 { // so that the turn of the slow member comes at different requests
			get(t, bases[i], prefix)
		}
	}
	victim.Delay(lateBy)
	defer victim.Delay(0)
	sent := time.Now()
	var all sync.WaitGroup
	for i, s := range sessions {
		come := func(name string, ttl time.Duration, opts ...presence.Option) {
			p, err := presence.Keep(context.Background(), bases[i].WithKey(prefix+name+strconv.Itoa(i)).WithTimeout(patience), ttl, opts...)
			if err == nil {
				leaving, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				err = p.Leave(leaving)
			}
			if err != nil {
				t.Error(err)
			}
		}
		all.Go(func() { come("shares/", 0, presence.WithSession(s)) })
		all.Go(func() {
			time.Sleep(100 * time.Millisecond)
			come("own/", time.Minute)
		})
	}
	all.Wait()
	time.Sleep(time.Until(sent.Add(2 * lateBy)))
}
