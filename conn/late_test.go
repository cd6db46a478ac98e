// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/eetcd-go/eetcd/conn"
)

// slowHealth makes a member answer its health checks after d.
func slowHealth(m *member, d time.Duration) {
	m.AnswerHealth(func() (healthpb.HealthCheckResponse_ServingStatus, error) {
		time.Sleep(d)
		return healthpb.HealthCheckResponse_SERVING, nil
	})
}

// endpoint returns what Info shows of one endpoint.
func endpoint(c *conn.Conn, address string) conn.Endpoint {
	for _, e := range c.Info() {
		if e.Address == address {
			return e
		}
	}
	return conn.Endpoint{}
}

// TestEndpointOfABusyMemberBecomesActive has a member that answers, but not within the connect timeout, as after the return of a whole
// cluster with many clients.
func TestEndpointOfABusyMemberBecomesActive(t *testing.T) {
	for _, takes := range []time.Duration{1500 * time.Millisecond, 3900 * time.Millisecond} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				c := openFake(t, []*member{a, b})
				slowHealth(a, takes)
				dials := a.Dials.Load()
				a.Drop()
				time.Sleep(1100 * time.Millisecond)
				synctest.Wait()
				if s := states(c)["a:1"]; s != conn.Frozen {
					t.Errorf("an endpoint that answers after %v is %v", takes, s)
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if s := states(c)["a:1"]; s != conn.Active {
					t.Errorf("10 s later it is %v: %v", s, endpoint(c, "a:1").Err)
				}
				if n := a.Dials.Load() - dials; n != 1 {
					t.Errorf("it was dialled %d times, want once", n)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
				time.Sleep(takes) // for checks that are still under way there
			})
		})
	}
}

// TestConnectionToASilentServerIsReplacedInTheEnd has a server that keeps its connections well and answers nothing, as one behind a load
// balancer may, which leads another connection to another server.
func TestConnectionToASilentServerIsReplacedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		a.Pause()
		dials := a.Dials.Load()
		a.Drop()
		for n := int64(1); n <= 3; n++ {
			time.Sleep(7*time.Second + 3*time.Second) // 1 s, 2 s and 4 s, and a pause of a second at most after each
			synctest.Wait()
			if got := a.Dials.Load() - dials; got != n+1 {
				t.Errorf("after %d s the member was dialled %d times, want %d", 10*n, got, n+1)
			}
		}
		a.Resume()
		time.Sleep(9 * time.Second)
		if e := endpoint(c, "a:1"); e.State != conn.Active {
			t.Errorf("the endpoint is %v: %v", e.State, e.Err)
		}
	})
}

func TestConnectionWithoutAnyAnswerIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		a.Pause()
		dials := a.Dials.Load()
		a.Drop()
		time.Sleep(500 * time.Millisecond)
		a.Swallow() // from now on not a byte of what is sent arrives
		a.Resume()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if e := endpoint(c, "a:1"); e.State != conn.Frozen || e.Err == nil || !strings.Contains(e.Err.Error(), "no answer within 1s") {
			t.Errorf("the endpoint is %v: %v", e.State, e.Err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if e := endpoint(c, "a:1"); e.State != conn.Active {
			t.Errorf("the endpoint of a member that is well again is %v: %v", e.State, e.Err)
		}
		if n := a.Dials.Load() - dials; n != 2 {
			t.Errorf("it was dialled %d times, want twice", n)
		}
	})
}

// TestConnectionThatWaitsForALateMemberIsClosed closes the connection while one to a member is kept for the next attempt, and has mode
// Random move on from there.
func TestConnectionThatWaitsForALateMemberIsClosed(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				a.Pause()
				b.Pause()
				c := openFake(t, []*member{a, b}, conn.WithMode(mode), conn.WithLazy())
				time.Sleep(2500 * time.Millisecond)
				b.Resume()
				time.Sleep(20 * time.Second)
				synctest.Wait()
				if s := states(c); s["b:1"] != conn.Active || s["a:1"] != conn.Frozen {
					t.Errorf("states %v, want b Active", s)
				}
				if n := a.Open(); mode == conn.Random && n != 0 {
					t.Errorf("%d connections to the member that was left", n)
				}
				if err := c.Close(); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if n := a.Open() + b.Open(); n != 0 {
					t.Errorf("%d connections are left after Close", n)
				}
			})
		})
	}
}

// TestSilentURLKeepsNoOtherURLWaiting has a member with two URLs: a proxy that answers nothing any more, and one that is away for a
// moment.
func TestSilentURLKeepsNoOtherURLWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, other := newMember(t, "a"), newMember(t, "b"), newMember(t, "other")
		for _, m := range []*member{a, b} {
			m.list(map[string][]string{"a": {"http://a:1", "http://other:1"}, "b": {"http://b:1"}})
		}
		c := openFake(t, []*member{b}, network(a, b, other))
		if err := c.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.Pause()
		other.Refuse()
		a.Drop()
		time.Sleep(1100 * time.Millisecond)
		other.Restore()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if e := endpoint(c, "http://a:1"); e.State != conn.Active {
			t.Errorf("2 s after the return of its other URL the endpoint is %v: %v", e.State, e.Err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := a.Open() + b.Open() + other.Open(); n != 0 {
			t.Errorf("%d connections are left after Close", n)
		}
	})
}

func TestModeRandomDoesNotMoveToASilentMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a}, network(a, b), conn.WithMode(conn.Random))
		b.Pause()
		err := c.SetEndpoints(t.Context(), []string{"b:1"})
		if !errors.Is(err, conn.ErrUnavailable) || !strings.Contains(err.Error(), "no answer within 1s") {
			t.Errorf("the move to a silent member: %v", err)
		}
		if s := states(c)["a:1"]; s != conn.Active {
			t.Errorf("the endpoint before it is %v", s)
		}
		b.Resume()
		if err := c.SetEndpoints(t.Context(), []string{"b:1"}); err != nil {
			t.Errorf("the move to a member that answers: %v", err)
		}
	})
}
