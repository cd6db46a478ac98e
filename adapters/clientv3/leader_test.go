// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"errors"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

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
