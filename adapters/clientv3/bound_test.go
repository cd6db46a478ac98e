// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// lastOf returns the error of the last response of a watch.
func lastOf(watch clientv3.WatchChan) (err error) {
	for response := range watch {
		err = response.Err()
	}
	return err
}

// reasonOf returns the reason in an error of KeepAlive.
func reasonOf(err error) error {
	var halted clientv3.ErrKeepAliveHalted
	if errors.As(err, &halted) {
		return halted.Reason
	}
	return err
}

func TestAClientUsesItsOwnConnectionOnlyAndNotAnotherOneOfItsName(t *testing.T) {
	first, err := conn.Open(t.Context(), t.Name(), cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	cli := adapter.New(first)
	defer cli.Close()
	ctx := bounded(t)
	granted := must(cli.Grant(ctx, 60))
	watching := cli.Watch(ctx, "k")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	other := adapter.New(onecluster.Open(t, t.Name(), cluster.Endpoints()))
	defer other.Close()
	must(other.Put(ctx, "k", "v"))

	_, get := cli.Get(ctx, "k")
	_, once := cli.KeepAliveOnce(ctx, granted.ID)
	kept, keep := cli.KeepAlive(ctx, granted.ID)
	if _, open := <-kept; open {
		t.Error("a lease is kept alive over the other connection")
	}
	_, moved := cli.MoveLeader(ctx, cluster.Member(0).ID())
	for what, err := range map[string]error{
		"the watch from before": lastOf(watching), "a watch": lastOf(cli.Watch(ctx, "k", clientv3.WithRev(1))),
		"Get": get, "KeepAliveOnce": once, "KeepAlive": reasonOf(keep), "MoveLeader": moved, "RequestProgress": cli.RequestProgress(ctx),
	} {
		if !clientv3.IsConnCanceled(err) || ctx.Err() != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// entered is a hook that tells of each call that has begun.
type entered chan struct{}

func (e entered) OnCall(parent context.Context, _ conn.CallInfo) (context.Context, func(conn.CallResult)) {
	select {
	case e <- struct{}{}:
	default:
	}
	return parent, nil
}

func TestTheDefaultTimeoutOfTheConnectionDoesNotCount(t *testing.T) {
	for what, call := range map[string]func(cli *clientv3.Client) error{
		"Get": func(cli *clientv3.Client) error { _, err := cli.Get(context.Background(), "k"); return err },
		"MoveLeader": func(cli *clientv3.Client) error {
			_, err := cli.MoveLeader(context.Background(), cluster.Member(0).ID())
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			var gate onecluster.Gate
			gate.Shut()
			begun := make(entered, 1)
			cli := adapter.New(onecluster.Open(t, "", cluster.Endpoints(), gate.Option(), conn.WithHooks(begun), conn.WithLazy(),
				conn.WithDefaultTimeout(time.Millisecond), conn.WithPatience(time.Hour)))
			defer cli.Close()
			done := make(chan error, 1)
			go func() { done <- call(cli) }()
			select {
			case <-begun:
			case err := <-done:
				t.Fatalf("without waiting: %v", err)
			}
			gate.Open()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
