// SPDX-License-Identifier: Apache-2.0

package leader_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/leader"
)

var cluster *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, "registry", &cluster, etcdtest.WithSize(3)) }

// routeTo returns the route over the connection of that name.
func routeTo(t *testing.T, name string) wire.Route {
	t.Helper()
	to, err := wire.RouteOf(ctx.New(name).WithTimeout(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestEndpointIsThatOfTheLeader(t *testing.T) {
	want := cluster.Leader().Endpoint()
	got, err := leader.Endpoint(t.Context(), routeTo(t, "registry"))
	if err != nil || got != want {
		t.Errorf("got %q, want %q: %v", got, want, err)
	}
}

func TestLeaderThatIsNoEndpointOfTheConnectionIsNotFound(t *testing.T) {
	var followers []string
	for _, m := range cluster.Members() {
		if m != cluster.Leader() {
			followers = append(followers, m.Endpoint())
		}
	}
	c, err := conn.Open(t.Context(), "", followers)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got, err := leader.Endpoint(t.Context(), routeTo(t, c.Name())); !errors.Is(err, conn.ErrUnavailable) {
		t.Errorf("got %q: %v", got, err)
	}
}

func TestErrorTellsWhyTheMembersDidNotAnswer(t *testing.T) {
	why := errors.New("no longer wanted")
	parent, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	got, err := leader.Endpoint(parent, routeTo(t, "registry"))
	if got != "" || !errors.Is(err, conn.ErrUnavailable) || !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("got %q: %v", got, err)
	}
}
