// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"context"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/maintenance"
)

// entered is a hook that tells of each call that has begun.
type entered chan struct{}

func (e entered) OnCall(parent context.Context, _ conn.CallInfo) (context.Context, func(conn.CallResult)) {
	select {
	case e <- struct{}{}:
	default:
	}
	return parent, nil
}

func TestMoveLeaderWaitsForTheEndOfAnOutage(t *testing.T) {
	leader := shared.Leader()
	var gate onecluster.Gate
	gate.Shut()
	begun := make(entered, 1)
	c := onecluster.Open(t, "", []string{leader.Endpoint()}, gate.Option(), conn.WithLazy(), conn.WithPatience(time.Hour), conn.WithHooks(begun))
	moved := make(chan error, 1)
	go func() {
		_, err := maintenance.MoveLeader(t.Context(), maintenance.New(c.Name()).WithTimeout(time.Minute), leader.ID())
		moved <- err
	}()
	select {
	case <-begun:
	case err := <-moved:
		t.Fatalf("without waiting: %v", err)
	}
	gate.Open()
	if err := <-moved; err != nil {
		t.Error(err)
	}
}
