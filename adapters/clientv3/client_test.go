// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

func TestMethodsOfTheClientItselfDoNotPanic(t *testing.T) {
	cli := adapted(t, cluster.Endpoints())
	if got := cli.Endpoints(); !slices.Equal(got, cluster.Endpoints()) {
		t.Errorf("Endpoints: %q, want %q", got, cluster.Endpoints())
	}
	if err := cli.Sync(t.Context()); err != nil || len(cli.Endpoints()) != 1 {
		t.Errorf("Sync: %v, endpoints %q", err, cli.Endpoints())
	}
	cli.SetEndpoints("127.0.0.1:1")
	if got := cli.Endpoints(); !slices.Equal(got, []string{"127.0.0.1:1"}) {
		t.Errorf("Endpoints after SetEndpoints: %q", got)
	}
	if _, err := cli.Put(t.Context(), "k", "v"); err != nil {
		t.Errorf("SetEndpoints moved the requests: %v", err)
	}
	if err := cli.Ctx().Err(); err != nil {
		t.Errorf("Ctx: %v", err)
	}
	if cli.GetLogger() == nil {
		t.Error("there is no logger")
	}
	if cli.Username+cli.Password+cli.Token != "" {
		t.Error("the client has credentials")
	}
}

func TestStubsOnTheActiveConnectionUseTheConnection(t *testing.T) {
	cli := adapted(t, cluster.Endpoints())
	remote := etcdserverpb.NewKVClient(cli.ActiveConnection())
	if _, err := remote.Put(t.Context(), &etcdserverpb.PutRequest{Key: []byte("stub"), Value: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	answer, err := clientv3.NewKV(cli).Get(t.Context(), "stub")
	if err != nil || answer.Count != 1 {
		t.Errorf("%v, %v", answer, err)
	}
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	watch := clientv3.NewWatcher(cli).Watch(watching, "stub", clientv3.WithRev(answer.Kvs[0].ModRevision))
	if response := <-watch; len(response.Events) != 1 {
		t.Errorf("watch: %v", response)
	}
	if state := cli.ActiveConnection().GetState().String(); state != "IDLE" {
		t.Errorf("the gRPC connection of the client was dialled: it is %s", state)
	}
}

func TestDialRefusesCallsAndSaysWhatToUse(t *testing.T) {
	cli := adapted(t, cluster.Endpoints())
	cc, err := cli.Dial(cluster.Endpoints()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	_, err = etcdserverpb.NewKVClient(cc).Range(t.Context(), &etcdserverpb.RangeRequest{Key: []byte("k")})
	_, streamed := etcdserverpb.NewWatchClient(cc).Watch(t.Context())
	for _, err := range []error{err, streamed} {
		if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), "conn.OnEndpoint") {
			t.Errorf("%v", err)
		}
	}
}

func TestCloseEndsWhatTheClientDoesAndLeavesTheConnectionOpen(t *testing.T) {
	c := onecluster.Open(t, "", cluster.Endpoints())
	before := goleak.IgnoreCurrent()
	cli := adapter.New(c)
	granted, err := cli.Grant(t.Context(), 60)
	if err != nil {
		t.Fatal(err)
	}
	renewals, err := cli.KeepAlive(t.Context(), granted.ID)
	if err != nil {
		t.Fatal(err)
	}
	<-renewals
	watch := cli.Watch(context.Background(), "k")
	unread := cli.Watch(context.Background(), "", clientv3.WithPrefix(), clientv3.WithRev(1))
	if err := cli.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, open := <-watch; open {
		t.Error("the watch has a response after Close")
	}
	for range unread {
	}
	for range renewals {
	}
	_, get := cli.Get(t.Context(), "k")
	_, once := cli.KeepAliveOnce(t.Context(), granted.ID)
	_, moved := cli.MoveLeader(t.Context(), 1)
	closed, kept := cli.KeepAlive(t.Context(), granted.ID)
	if _, open := <-closed; open {
		t.Error("KeepAlive after Close keeps the lease alive")
	}
	if _, open := <-cli.Watch(t.Context(), "k"); open {
		t.Error("a watch after Close has a response")
	}
	for what, err := range map[string]error{
		"Get": get, "KeepAliveOnce": once, "KeepAlive": reasonOf(kept), "MoveLeader": moved,
		"RequestProgress": cli.RequestProgress(t.Context()),
	} {
		if !clientv3.IsConnCanceled(err) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	goleak.VerifyNone(t, before)
	if _, err := adapter.KV(c).Get(t.Context(), "k"); err != nil {
		t.Errorf("the connection: %v", err)
	}
}

func TestCloseOfTheClientEndsACallUnderWay(t *testing.T) {
	begun := make(entered, 1)
	single := onecluster.Open(t, "", []string{"127.0.0.1:1"}, conn.WithLazy(), conn.WithPatience(time.Hour), conn.WithHooks(begun))
	cli := adapter.New(single)
	failed := make(chan error)
	go func() {
		_, err := cli.Get(context.Background(), "k")
		failed <- err
	}()
	<-begun
	if err := cli.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-failed; !clientv3.IsConnCanceled(err) {
		t.Errorf("Get: %v", err)
	}
}

func TestCloseOfTheConnectionEndsWhatTheClientDoes(t *testing.T) {
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	cli := adapter.New(c)
	watch := cli.Watch(context.Background(), "k")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := bounded(t)
	_, get := cli.Get(ctx, "k")
	_, once := cli.KeepAliveOnce(ctx, 1)
	_, stream := cli.GetStream(ctx, "k")
	_, moved := cli.MoveLeader(ctx, 1)
	_, keep := cli.KeepAlive(ctx, 1)
	for what, err := range map[string]error{
		"the watch from before": lastOf(watch), "a watch": lastOf(cli.Watch(ctx, "k")), "Get": get, "KeepAliveOnce": once,
		"GetStream": stream, "MoveLeader": moved, "KeepAlive": reasonOf(keep), "RequestProgress": cli.RequestProgress(ctx),
	} {
		if !clientv3.IsConnCanceled(err) || ctx.Err() != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := cli.Close(); err != nil {
		t.Errorf("Close of the client: %v", err)
	}
}

func TestBadInputIsRefusedWithoutPanic(t *testing.T) {
	cli := adapter.New(nil)
	defer cli.Close()
	_, get := cli.Get(t.Context(), "k")
	_, status := cli.Status(t.Context(), "127.0.0.1:1")
	for what, err := range map[string]error{"Get": get, "Status": status} {
		if !errors.Is(err, conn.ErrNotOpen) {
			t.Errorf("%s without a connection: %v", what, err)
		}
	}
	if response := <-cli.Watch(t.Context(), "k"); response.Err() == nil {
		t.Error("a watch without a connection is not refused")
	}
	if _, err := cli.KeepAlive(t.Context(), 1); !errors.Is(reasonOf(err), conn.ErrNotOpen) {
		t.Errorf("KeepAlive without a connection: %v", err)
	}
	var none context.Context
	open := adapted(t, cluster.Endpoints())
	if _, err := open.Get(none, "k"); err == nil {
		t.Error("Get without a context is not refused")
	}
	response, more := <-open.Watch(none, "k")
	if !more || response.Err() == nil {
		t.Error("a watch without a context is not refused")
	}
	if response := <-open.Watch(t.Context(), "b", clientv3.WithRange("a")); response.Err() == nil {
		t.Error("a watch of no keys is not refused")
	}
	if err := open.RequestProgress(none); err == nil {
		t.Error("RequestProgress without a context is not refused")
	}
	if _, err := open.KeepAlive(none, 1); err == nil {
		t.Error("KeepAlive without a context is not refused")
	}
}
