// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

func TestMoveLeaderFindsTheLeaderAmongTheEndpoints(t *testing.T) {
	own := etcdtest.Start(t, etcdtest.WithSize(3))
	cli := adapted(t, own.Endpoints())
	ctx := bounded(t)
	var followers []string
	for _, m := range own.Members() {
		if m == own.Leader() {
			continue
		}
		if _, err := cli.MoveLeader(ctx, m.ID()); err != nil {
			t.Fatal(err)
		}
		onecluster.Eventually(t, time.Minute, "the leadership has moved", func() error {
			if own.Leader() != m {
				return errors.New("another one leads")
			}
			return nil
		})
	}
	for _, m := range own.Members() {
		if m != own.Leader() {
			followers = append(followers, m.Endpoint())
		}
	}
	paused := own.Member(0)
	for _, m := range own.Members() {
		if m != own.Leader() {
			paused = m
		}
	}
	paused.Pause() // it is asked, and hangs
	_, err := cli.MoveLeader(ctx, own.Leader().ID())
	paused.Resume()
	if err != nil {
		t.Errorf("while a follower hangs: %v", err)
	}
	if _, err := adapted(t, followers).MoveLeader(ctx, own.Leader().ID()); err != rpctypes.ErrNotLeader {
		t.Errorf("where the leader is no endpoint: %v", err)
	}
}

// In an outage a request to a Frozen endpoint waits for as long as the connection has patience.
func TestMoveLeaderAsksNoFrozenEndpoint(t *testing.T) {
	own := etcdtest.Start(t, etcdtest.WithSize(3))
	all := onecluster.Open(t, "", own.Endpoints(), conn.WithPatience(time.Hour))
	var followers []*etcdtest.Member
	for _, m := range own.Members() {
		if m != own.Leader() {
			followers = append(followers, m)
		}
	}
	some := onecluster.Open(t, "", []string{followers[0].Endpoint(), followers[1].Endpoint()}, conn.WithPatience(time.Hour))
	ctx := bounded(t)
	move := func(what string, c *conn.Conn) {
		t.Helper()
		cli := adapter.New(c)
		defer cli.Close()
		if _, err := cli.MoveLeader(ctx, followers[1].ID()); err != rpctypes.ErrNotLeader {
			t.Errorf("%s: %v", what, err)
		}
	}
	leader := own.Leader()
	followers[0].Kill()
	awaitActive(t, some, 1)
	move("the leader is no endpoint, and an endpoint is away", some)
	leader.Kill()
	awaitActive(t, all, 1) // the last one stays Active, in case there is an election
	onecluster.Eventually(t, time.Minute, "the last member knows no leader", func() error {
		status, err := adapter.Maintenance(all).Status(ctx, followers[1].Endpoint())
		if err == nil && status.Leader != 0 {
			err = errors.New("it knows one")
		}
		return err
	})
	move("there is no leader", all)
}

// awaitActive waits until that many endpoints are Active.
func awaitActive(t *testing.T, c *conn.Conn, n int) {
	t.Helper()
	onecluster.Eventually(t, time.Minute, "endpoints are Active", func() error {
		active := 0
		for _, endpoint := range c.Info() {
			if endpoint.State == conn.Active {
				active++
			}
		}
		if active != n {
			return fmt.Errorf("%d are, want %d", active, n)
		}
		return nil
	})
}
