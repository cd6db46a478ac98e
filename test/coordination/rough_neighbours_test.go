// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/test/internal/etcdctl"
)

// turnLength is how long each holder stays, so that faults meet holders and waiters.
const turnLength = 500 * time.Millisecond

// rough is a way to wait in the queue while members are lost. It returns the oldest key there while it held, after a turn. Etcd's
// clients do not repeat an unlock whose answer is lost; the end of their session frees the lock then.
type rough struct {
	name string
	turn func(t *testing.T, n neighbours) (oldest string, err error)
}

// bySDK has the holder of a lock stay for a turn.
func bySDK(take func(parent context.Context, c ctx.Ctx, f func(context.Context, lock.Held) error) error) func(*testing.T, neighbours) (string, error) {
	return func(t *testing.T, n neighbours) (oldest string, err error) {
		err = take(t.Context(), n.c.WithName(queue), func(held context.Context, _ lock.Held) error {
			oldest = n.oldest(t)
			select {
			case <-time.After(turnLength):
				return nil
			case <-held.Done():
				return context.Cause(held)
			}
		})
		return oldest, err
	}
}

var roughOnes = []rough{
	{"lock.Semaphore", bySDK(func(parent context.Context, c ctx.Ctx, f func(context.Context, lock.Held) error) error {
		return lock.Semaphore(parent, c, 2, longTTL, f)
	})},
	{"clientv3's Mutex", func(t *testing.T, n neighbours) (string, error) {
		session, err := concurrency.NewSession(n.etcd, concurrency.WithTTL(int(longTTL.Seconds())))
		if err != nil {
			return "", err
		}
		defer session.Close()
		mutex := concurrency.NewMutex(session, queue)
		if err := mutex.Lock(t.Context()); err != nil {
			return "", err
		}
		oldest := n.oldest(t)
		time.Sleep(turnLength)
		_ = mutex.Unlock(t.Context())
		return oldest, nil
	}},
	{"lock.Shared", bySDK(func(parent context.Context, c ctx.Ctx, f func(context.Context, lock.Held) error) error {
		return lock.Shared(parent, c, longTTL, f)
	})},
	{"etcdctl lock", func(t *testing.T, n neighbours) (string, error) {
		to := n.ctl + " --command-timeout=60s --endpoints=" + n.at
		look := to + " get " + queue + "/ --prefix --keys-only --sort-by=CREATE --order=ASCEND --limit=1; sleep 0.5"
		locked := exec.CommandContext(t.Context(), n.ctl, "--endpoints="+n.at, "lock", "--ttl=60", queue, "--", "sh", "-c", look)
		out, err := locked.Output()
		if oldest := strings.TrimSpace(string(out)); oldest != "" {
			return oldest, nil
		}
		return "", err
	}},
	{"lock.Do", bySDK(func(parent context.Context, c ctx.Ctx, f func(context.Context, lock.Held) error) error {
		return lock.Do(parent, c, longTTL, f)
	})},
}

// TestReadersPermitsAndEtcdsClientsShareOneQueueWhileMembersAreLost queues all of them in a known order, and lets them through one by
// one while each fault strikes. No lease ends by itself.
func TestReadersPermitsAndEtcdsClientsShareOneQueueWhileMembersAreLost(t *testing.T) {
	t.Parallel()
	n := neighbours{ctl: etcdctl.Build(t)}
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	n.c, n.at = open(t, cluster), strings.Join(cluster.Endpoints(), ",")
	var err error
	if n.etcd, err = clientv3.New(clientv3.Config{Endpoints: cluster.Endpoints(), Context: t.Context()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.etcd.Close() })
	from := revision(t, n.c)
	first := share(t, n.c, 1, func(f func(context.Context, lock.Held) error) error {
		return lock.Do(t.Context(), n.c.WithName(queue), longTTL, f)
	})
	first.holds(t)
	places := []string{string(keysBelow(t, n.c, queue)[0].GetKey())}
	complete := make(chan struct{}) // places
	var waiters sync.WaitGroup
	for i, w := range slices.Concat(roughOnes, roughOnes) {
		waiters.Go(func() {
			oldest, err := w.turn(t, n)
			<-complete
			if err != nil || oldest != places[i+1] {
				t.Errorf("%s holds, and the oldest key is %q, not its own %q: %v", w.name, oldest, places[i+1], err)
			}
		})
		awaitKeys(t, n.c, queue, i+2)
		places = append(places, string(keysBelow(t, n.c, queue)[i+1].GetKey()))
	}
	close(complete)
	first.gone(t)
	hurt(t, cluster, 2*time.Second)
	waiters.Wait()
	awaitKeys(t, n.c, queue, 0)
	if left := left(t, n.c, from); !slices.Equal(left, places) {
		t.Errorf("they came as\n%v\nand left as\n%v", places, left)
	}
}
