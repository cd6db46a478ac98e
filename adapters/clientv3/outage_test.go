// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/watch"
)

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// awaitFrozen waits until the only endpoint of a connection is out of service.
func awaitFrozen(t *testing.T, c *conn.Conn) {
	t.Helper()
	onecluster.Eventually(t, time.Minute, "the endpoint is Frozen", func() error {
		if c.Info()[0].State != conn.Frozen {
			return errors.New("it is Active")
		}
		return nil
	})
}

func TestRequestsWithADeadlineWaitForTheEndOfAnOutage(t *testing.T) {
	own := etcdtest.Start(t)
	c := onecluster.Open(t, "", own.Endpoints(), conn.WithPatience(0))
	cli := adapter.New(c)
	defer cli.Close()
	ctx := bounded(t)
	granted := must(cli.Grant(ctx, 600))
	must(cli.Put(ctx, "k", "v"))
	kept := cli.Watch(ctx, "k")

	own.Member(0).Kill()
	awaitFrozen(t, c)
	if _, err := cli.Get(context.Background(), "k"); !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("Get without a deadline: %v", err)
	}
	if _, err := cli.KeepAliveOnce(context.Background(), granted.ID); !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("KeepAliveOnce without a deadline: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := cli.Get(short, "k"); err != context.DeadlineExceeded {
		t.Errorf("Get with a deadline in the outage: %v", err)
	}

	var waiting sync.WaitGroup
	for what, call := range map[string]func() error{
		"Get":           func() error { _, err := cli.Get(ctx, "k"); return err },
		"Put":           func() error { _, err := cli.Put(ctx, "k", "later"); return err },
		"KeepAliveOnce": func() error { _, err := cli.KeepAliveOnce(ctx, granted.ID); return err },
		"GetStream":     func() error { _, err := cli.GetStream(ctx, "k"); return err },
		"MoveLeader":    func() error { _, err := cli.MoveLeader(ctx, own.Member(0).ID()); return err },
		"KeepAlive": func() error {
			if _, open := <-must(cli.KeepAlive(ctx, granted.ID)); !open {
				return errors.New("the channel is closed")
			}
			return nil
		},
		"Watch": func() error {
			response := <-cli.Watch(context.WithoutCancel(ctx), "k", clientv3.WithCreatedNotify())
			return response.Err()
		},
	} {
		begun := make(chan struct{})
		waiting.Go(func() {
			close(begun)
			if err := call(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
		<-begun
	}
	own.Member(0).Restart()
	waiting.Wait()
	if response := <-kept; len(response.Events) != 1 || string(response.Events[0].Kv.Value) != "later" {
		t.Errorf("the watch from before: %v", response)
	}
}

func TestAWatchTellsThatItsStoreWasRestored(t *testing.T) {
	own := etcdtest.Start(t)
	cli := adapted(t, own.Endpoints())
	ctx := bounded(t)
	before := own.SaveData()
	must(cli.Put(ctx, "k", "lost"))
	watching := cli.Watch(ctx, "k", clientv3.WithRev(1))
	<-watching
	own.RestoreData(before)
	response, open := <-watching
	if !open || !response.Canceled || response.CompactRevision != 0 || response.Err() == nil ||
		!strings.Contains(response.Err().Error(), "history") {
		t.Errorf("open %t, canceled %t: %v", open, response.Canceled, response.Err())
	}
	if _, open := <-watching; open {
		t.Error("the channel stays open")
	}
}

func TestRequestProgressSaysThatAProxyTellsNone(t *testing.T) {
	cli := adapted(t, []string{cluster.GRPCProxy().Endpoint()})
	ctx := bounded(t)
	if response := <-cli.Watch(ctx, "k", clientv3.WithCreatedNotify()); !response.Created {
		t.Errorf("%v", response)
	}
	if err := cli.RequestProgress(ctx); !errors.Is(err, watch.ErrNoProgress) {
		t.Errorf("%v", err)
	}
}

func TestAWatchThatMissesAKeyBehindAProxyEndsWithErrBeyond(t *testing.T) {
	cli := adapted(t, []string{cluster.GRPCProxy().Endpoint()})
	direct := adapted(t, cluster.Endpoints())
	ctx := bounded(t)
	watching := cli.Watch(ctx, "", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	if response := <-watching; !response.Created {
		t.Fatalf("%v", response)
	}
	last := strings.Repeat("\xff", 100)
	must(direct.Put(ctx, last, "out of reach"))
	defer func() { must(direct.Delete(ctx, last)) }()
	var end clientv3.WatchResponse
	for end = range watching {
	}
	if !end.Canceled || end.CancelReason != watch.ErrBeyond.Error() || end.Err() == nil {
		t.Errorf("canceled %t, reason %q: %v", end.Canceled, end.CancelReason, end.Err())
	}
}

func TestPartsOfTheClientWorkOneByOneAndInANamespace(t *testing.T) {
	c := onecluster.Open(t, "", cluster.Endpoints())
	space, err := c.Namespace(t.Name(), "space/")
	if err != nil {
		t.Fatal(err)
	}
	ctx := bounded(t)
	keys, watcher, leases := adapter.KV(space), adapter.Watcher(space), adapter.Lease(space)
	watching := watcher.Watch(ctx, "", clientv3.WithPrefix())
	granted := must(leases.Grant(ctx, 60))
	must(leases.KeepAlive(ctx, granted.ID))
	must(keys.Put(ctx, "k", "v", clientv3.WithLease(granted.ID)))
	if response := <-watching; len(response.Events) != 1 || string(response.Events[0].Kv.Key) != "k" {
		t.Errorf("the watch: %v", response)
	}
	if answer := must(adapter.KV(c).Get(ctx, "space/k")); answer.Count != 1 {
		t.Errorf("outside of the namespace: %v", answer)
	}
	if left := must(leases.TimeToLive(ctx, granted.ID, clientv3.WithAttachedKeys())); len(left.Keys) != 1 || string(left.Keys[0]) != "k" {
		t.Errorf("time to live: %v", left)
	}
	must(leases.Revoke(ctx, granted.ID))
	for what, err := range map[string]error{"Watcher": watcher.Close(), "Lease": leases.Close()} {
		if err != nil {
			t.Errorf("Close of %s: %v", what, err)
		}
	}
	if members := must(adapter.Cluster(c).MemberList(ctx)); len(members.Members) != 1 {
		t.Errorf("members: %v", members)
	}
	must(adapter.Auth(c).UserList(ctx))
	must(adapter.Maintenance(c).Status(ctx, cluster.Endpoints()[0]))
	if _, err := adapter.Cluster(space).MemberList(ctx); err == nil {
		t.Error("a namespace lists members")
	}
}
