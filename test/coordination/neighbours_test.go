// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/test/internal/clients"
	"github.com/eetcd-go/eetcd/test/internal/etcdctl"
	"github.com/eetcd-go/eetcd/watch"
)

// neighbour waits in the queue in its own way. It returns the oldest key that it saw there while it held.
type neighbour struct {
	name  string
	holds func(t *testing.T, n neighbours) (oldest string, err error)
}

// neighbours has the clients of one cluster.
type neighbours struct {
	c       ctx.Ctx
	etcd    *clientv3.Client
	servers *grpc.ClientConn
	ctl     string // etcdctl
	at      string // endpoint
}

func (n neighbours) oldest(t *testing.T) string { return string(keysBelow(t, n.c, queue)[0].GetKey()) }

func (n neighbours) lease(t *testing.T) int64 {
	t.Helper()
	granted, err := lease.Grant(t.Context(), n.c, longTTL)
	if err != nil {
		t.Fatal(err)
	}
	return granted.GetID()
}

// all has etcd's ways to queue, with the SDK's between them.
var all = []neighbour{
	{"lock.Do", func(t *testing.T, n neighbours) (oldest string, err error) {
		err = lock.Do(t.Context(), n.c.WithName(queue), longTTL, func(context.Context, lock.Held) error {
			oldest = n.oldest(t)
			return nil
		})
		return oldest, err
	}},
	{"lock.Shared", func(t *testing.T, n neighbours) (oldest string, err error) {
		err = lock.Shared(t.Context(), n.c.WithName(queue), longTTL, func(context.Context, lock.Held) error {
			oldest = n.oldest(t)
			return nil
		})
		return oldest, err
	}},
	{"clientv3's Mutex", func(t *testing.T, n neighbours) (string, error) {
		session, err := concurrency.NewSession(n.etcd)
		if err != nil {
			return "", err
		}
		defer session.Close()
		mutex := concurrency.NewMutex(session, queue)
		if err := mutex.Lock(t.Context()); err != nil {
			return "", err
		}
		return n.oldest(t), mutex.Unlock(t.Context())
	}},
	{"lock.Lock", func(t *testing.T, n neighbours) (string, error) {
		held, err := lock.Lock(t.Context(), n.c.WithName(queue).WithLease(n.lease(t)))
		if err != nil {
			return "", err
		}
		oldest := n.oldest(t)
		_, err = lock.Unlock(t.Context(), n.c.WithKeyBytes(held.GetKey()))
		return oldest, err
	}},
	{"etcdctl lock", func(t *testing.T, n neighbours) (string, error) {
		oldest := []string{n.ctl, "--endpoints", n.at, "get", queue + "/", "--prefix", "--keys-only",
			"--sort-by=CREATE", "--order=ASCEND", "--limit=1"}
		locked := exec.CommandContext(t.Context(), n.ctl, append([]string{"--endpoints", n.at, "lock", queue, "--"}, oldest...)...)
		out, err := locked.Output()
		return strings.TrimSpace(string(out)), err
	}},
	{"lock.Semaphore", func(t *testing.T, n neighbours) (oldest string, err error) {
		err = lock.Semaphore(t.Context(), n.c.WithName(queue), 2, longTTL, func(context.Context, lock.Held) error {
			oldest = n.oldest(t)
			return nil
		})
		return oldest, err
	}},
	{"lock.Acquire", func(t *testing.T, n neighbours) (string, error) {
		held, err := lock.Acquire(t.Context(), n.c.WithName(queue).WithLease(n.lease(t)))
		if err != nil {
			return "", err
		}
		return n.oldest(t), held.Release(t.Context())
	}},
	{"etcd's lock service", func(t *testing.T, n neighbours) (string, error) {
		stub := v3lockpb.NewLockClient(n.servers)
		held, err := stub.Lock(t.Context(), &v3lockpb.LockRequest{Name: []byte(queue), Lease: n.lease(t)})
		if err != nil {
			return "", err
		}
		oldest := n.oldest(t)
		_, err = stub.Unlock(t.Context(), &v3lockpb.UnlockRequest{Key: held.GetKey()})
		return oldest, err
	}},
	{"election.Run", func(t *testing.T, n neighbours) (oldest string, err error) {
		err = election.Run(t.Context(), n.c.WithName(queue).WithValue("v"), longTTL, func(context.Context, *election.Leadership) error {
			oldest = n.oldest(t)
			return nil
		})
		return oldest, err
	}},
	{"clientv3's Election", func(t *testing.T, n neighbours) (string, error) {
		session, err := concurrency.NewSession(n.etcd)
		if err != nil {
			return "", err
		}
		defer session.Close()
		candidate := concurrency.NewElection(session, queue)
		if err := candidate.Campaign(t.Context(), "v"); err != nil {
			return "", err
		}
		return n.oldest(t), candidate.Resign(t.Context())
	}},
	{"election.CampaignRequest", func(t *testing.T, n neighbours) (string, error) {
		won, err := election.CampaignRequest(t.Context(), n.c.WithName(queue).WithLease(n.lease(t)).WithValue("v")).Response()
		if err != nil {
			return "", err
		}
		oldest := n.oldest(t)
		_, err = election.Resign(t.Context(), n.c.WithLeader(won.GetLeader()))
		return oldest, err
	}},
	{"etcd's election service", func(t *testing.T, n neighbours) (string, error) {
		stub := v3electionpb.NewElectionClient(n.servers)
		won, err := stub.Campaign(t.Context(), &v3electionpb.CampaignRequest{Name: []byte(queue), Lease: n.lease(t), Value: []byte("v")})
		if err != nil {
			return "", err
		}
		oldest := n.oldest(t)
		_, err = stub.Resign(t.Context(), &v3electionpb.ResignRequest{Leader: won.GetLeader()})
		return oldest, err
	}},
	{"election.Campaign", func(t *testing.T, n neighbours) (string, error) {
		won, err := election.Campaign(t.Context(), n.c.WithName(queue).WithLease(n.lease(t)).WithValue("v"))
		if err != nil {
			return "", err
		}
		oldest := n.oldest(t)
		_, err = election.Resign(t.Context(), n.c.WithLeader(won.GetLeader()))
		return oldest, err
	}},
}

// meet starts a cluster and connects etcd's clients and the SDK to it.
func meet(t *testing.T) neighbours {
	t.Helper()
	cluster := etcdtest.Start(t)
	n := neighbours{c: open(t, cluster), ctl: etcdctl.Build(t), at: cluster.Endpoints()[0]}
	n.etcd = clients.OpenClientV3(t, cluster.Endpoints()...)
	var err error
	if n.servers, err = grpc.NewClient(n.at, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.servers.Close() })
	return n
}

func TestSDKAndEtcdsClientsShareOneQueue(t *testing.T) {
	n := meet(t)
	t.Run("one at a time", n.takeTurns)
	t.Run("behind readers", func(t *testing.T) {
		n.waitForAll(t, "lock.Shared", func(f func(context.Context, lock.Held) error) error {
			return lock.Shared(t.Context(), n.c.WithName(queue), longTTL, f)
		})
	})
	t.Run("behind holders of permits", func(t *testing.T) {
		n.waitForAll(t, "lock.Semaphore", func(f func(context.Context, lock.Held) error) error {
			return lock.Semaphore(t.Context(), n.c.WithName(queue), sharers, longTTL, f)
		})
	})
}

func (n neighbours) takeTurns(t *testing.T) {
	from := revision(t, n.c)
	first, err := lock.Acquire(t.Context(), n.c.WithName(queue).WithLease(n.lease(t)))
	if err != nil {
		t.Fatal(err)
	}
	var waiters sync.WaitGroup
	places := []string{first.Key}
	complete := make(chan struct{}) // places
	for i, w := range slices.Concat(all, all) {
		waiters.Go(func() {
			oldest, err := w.holds(t, n)
			<-complete
			if err != nil || oldest != places[i+1] {
				t.Errorf("%s holds, and the oldest key is %q, not its own: %v", w.name, oldest, err)
			}
		})
		awaitKeys(t, n.c, queue, i+2)
		there := keysBelow(t, n.c, queue)
		places = append(places, string(there[i+1].GetKey()))
	}
	close(complete)
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	waiters.Wait()
	if left := left(t, n.c, from); !slices.Equal(left, places) {
		t.Errorf("they came as\n%v\nand left as\n%v", places, left)
	}
	awaitKeys(t, n.c, queue, 0)
}

// left returns the keys of the queue in the order of their deletion.
func left(t *testing.T, c ctx.Ctx, from int64) (all []string) {
	t.Helper()
	end := revision(t, c)
	w, err := watch.Watch(t.Context(), c.WithKey(queue+"/").WithPrefix().WithStartRevision(from+1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for e, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if e.GetType() == mvccpb.Event_DELETE {
			all = append(all, string(e.GetKv().GetKey()))
		}
		if e.GetKv().GetModRevision() == end {
			return all
		}
	}
	t.Fatal(fmt.Errorf("the watch has ended: %w", w.Err()))
	return nil
}
