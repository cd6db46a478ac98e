// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// getHere makes a read that needs no leader.
func getHere(parent context.Context, c *conn.Conn, opts ...grpc.CallOption) (*pb.RangeResponse, error) {
	return pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte("k"), Serializable: true}, opts...)
}

func TestLeaderlessMemberServesPinnedCallsOnTheSameConnection(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newMember(t, "a")
				all := []*member{a}
				if mode == conn.ConnectAll {
					all = append(all, newMember(t, "b"))
				}
				c := openFake(t, all, conn.WithMode(mode))
				stream := openStream(t, c, a)
				a.Leader.Store(0)
				time.Sleep(time.Minute)
				e := c.Info()[0]
				if e.State != conn.Frozen || !errors.Is(e.Err, etcderr.ErrNoLeader) || e.Version != "3.7.3" {
					t.Errorf("without a leader: %+v", e)
				}
				if err := stream.RecvMsg(nil); err == nil {
					t.Error("a stream stays on a member without a leader")
				}
				if _, err := getHere(t.Context(), c, conn.OnEndpoint("a:1")); err != nil {
					t.Errorf("a read sent to it: %v", err)
				}
				if _, err := put(t.Context(), c, conn.OnEndpoint("a:1")); !errors.Is(err, etcderr.ErrNoLeader) && !errors.Is(err, conn.ErrUnavailable) {
					t.Errorf("a write sent to it: %v", err)
				}
				a.Leader.Store(2)
				time.Sleep(30 * time.Second)
				if s := states(c)["a:1"]; s != conn.Active {
					t.Errorf("with a leader again: %+v", c.Info())
				}
				if _, err := put(t.Context(), c, conn.OnEndpoint("a:1")); err != nil {
					t.Errorf("a write: %v", err)
				}
				if n := a.Dials.Load(); n != 1 {
					t.Errorf("%d connections, want one", n)
				}
			})
		})
	}
}

func TestRandomModeLeavesLeaderlessMembersOnceAnotherIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		a.Leader.Store(0)
		b.Leader.Store(0)
		c := openFake(t, []*member{a, b}, conn.WithMode(conn.Random), conn.WithLazy())
		time.Sleep(5 * time.Second)
		for _, m := range []*member{a, b} {
			if _, err := getHere(t.Context(), c, conn.OnEndpoint(m.Name+":1")); err != nil {
				t.Errorf("a read sent to %s: %v", m.Name, err)
			}
		}
		b.Leader.Store(2)
		if err := c.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if _, err := getHere(t.Context(), c, conn.OnEndpoint("a:1")); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("a read sent to the one that is not used any more: %v", err)
		}
	})
}

func TestServerWithoutElectionsIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.plain = true
		c := openFake(t, []*member{a})
		time.Sleep(time.Minute)
		if e := c.Info()[0]; e.State != conn.Active || e.Version != "3.5.13" || e.Leader {
			t.Errorf("got %+v", e)
		}
	})
}

func TestInfoNamesTheLeaderAndTheVersions(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, "", cluster.Endpoints())
	leaders := 0
	for i, e := range c.Info() {
		if e.Leader {
			leaders++
		}
		if v := cluster.Member(i).Version(); e.Version == "" || !strings.Contains(v, e.Version) {
			t.Errorf("%s has the version %q, want %s", e.Address, e.Version, v)
		}
	}
	if leaders != 1 {
		t.Errorf("%d leaders", leaders)
	}
}
