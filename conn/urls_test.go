// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

func TestMemberIsReachedByAnyOfItsURLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := []*member{newMember(t, "a"), newMember(t, "b"), newMember(t, "d")}
		a, b, d := all[0], all[1], all[2]
		for _, m := range all {
			m.list(map[string][]string{
				"a": {"http://void-a:1", "http://a:1"}, "b": {"http://void-b:1", "http://b:1"}, "d": {"http://nowhere:1", "http://d:1"},
			})
		}
		c := openFake(t, []*member{a}, network(all...))
		if err := c.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{"a:1", "http://nowhere:1", "http://void-b:1"}
		if got := addresses(c); !slices.Equal(got, want) {
			t.Errorf("endpoints %q, want %q", got, want)
		}
		for _, e := range c.Info() {
			if e.State != conn.Active {
				t.Errorf("%+v", e)
			}
		}
		for _, spelling := range []string{"http://void-b:1", "b:1"} {
			if r, err := get(t.Context(), c, conn.OnEndpoint(spelling)); err != nil || r.Header.MemberId != id("b") {
				t.Errorf("a read of b as %s: %v, %v", spelling, r, err)
			}
		}
		a.Stop()
		d.Stop()
		synctest.Wait() // Until both connections are known to be lost, since a write that went onto one of them has an unknown outcome.
		if _, err := put(t.Context(), c); err != nil {
			t.Errorf("a write once the member given to Open is away: %v", err)
		}
		// The next attempt begins with the URL that worked.
		began := time.Now()
		b.Drop()
		synctest.Wait()
		if _, err := put(t.Context(), c); err != nil || time.Since(began) != 0 {
			t.Errorf("a write after a lost connection took %v: %v", time.Since(began), err)
		}
	})
}

func TestSyncKeepsTheOneEndpointThatLeadsToAMember(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				a.list(map[string][]string{"a": {"http://void-a:1"}, "b": {"http://b:1"}})
				b.list(map[string][]string{"a": {"http://void-a:1"}, "b": {"http://b:1"}})
				c := openFake(t, []*member{a}, network(a, b), conn.WithMode(mode))
				for range 3 {
					if err := c.Sync(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got, want := addresses(c), []string{"a:1", "http://b:1", "http://void-a:1"}; !slices.Equal(got, want) {
						t.Fatalf("endpoints %q, want %q", got, want)
					}
				}
				if states(c)["a:1"] != conn.Active {
					t.Errorf("got %+v", c.Info())
				}
				// The endpoint goes once its member can be reached by an advertised URL, or is no longer a member.
				a.list(map[string][]string{"b": {"http://b:1"}})
				b.list(map[string][]string{"b": {"http://b:1"}})
				if err := c.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got, want := addresses(c), []string{"http://b:1"}; !slices.Equal(got, want) {
					t.Errorf("endpoints %q, want %q", got, want)
				}
				if _, err := put(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestSetEndpointsReplacesTheEndpoints(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, d := newMember(t, "a"), newMember(t, "b"), newMember(t, "d")
				var told heard
				c := openFake(t, []*member{a, b}, network(a, b, d), told.option(), conn.WithMode(mode))
				if err := c.SetEndpoints(t.Context(), []string{"http://b:1", "d:1"}); err != nil {
					t.Fatal(err)
				}
				if got, want := addresses(c), []string{"b:1", "d:1"}; !slices.Equal(got, want) {
					t.Errorf("endpoints %q, want %q", got, want)
				}
				for range 20 {
					if r, err := get(t.Context(), c); err != nil || r.Header.MemberId == id("a") {
						t.Fatalf("a read: %v, %v", r, err)
					}
				}
				for _, e := range told.events() {
					if e.Address == "a:1" && e.State == conn.Frozen && !errors.Is(e.Err, conn.ErrUnavailable) && !strings.Contains(e.Err.Error(), "retired") {
						t.Errorf("the listener heard %+v", e)
					}
				}
			})
		})
	}
}

func TestSetEndpointsReturnsItsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.list(map[string][]string{"a": {"http://a:1"}})
		c := openFake(t, []*member{a})
		for _, bad := range [][]string{nil, {"nowhere"}, {"a:1", "http://a:1"}} {
			if err := c.SetEndpoints(t.Context(), bad); !errors.Is(err, conn.ErrEndpoint) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if err := c.SetEndpoints(t.Context(), []string{"nowhere:1"}); !errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("nobody answers: %v", err)
		}
		if got := addresses(c); !slices.Equal(got, []string{"a:1"}) {
			t.Errorf("endpoints %q", got)
		}
		synced := openFake(t, []*member{a}, conn.WithAutoSync(time.Second))
		if err := synced.SetEndpoints(t.Context(), []string{"a:1"}); !errors.Is(err, conn.ErrOption) {
			t.Errorf("with auto-sync: %v", err)
		}
		_ = c.Close()
		if err := c.SetEndpoints(t.Context(), []string{"a:1"}); !errors.Is(err, conn.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

// The error names the given endpoints, and why each of them is unusable.
func TestSetEndpointsKeepsTheOldEndpointsIfNoNewOneWorks(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, d := newMember(t, "a"), newMember(t, "b"), newMember(t, "d")
				d.Leader.Store(0)
				c := openFake(t, []*member{a, b, d}[:1], network(a, b, d), conn.WithMode(mode), conn.WithPatience(0))
				err := c.SetEndpoints(t.Context(), []string{"nowhere:1", "void:1", "d:1"})
				if !errors.Is(err, conn.ErrUnavailable) {
					t.Fatalf("none of use: %v", err)
				}
				for _, want := range []string{"nowhere:1: ", "no such host", "void:1: ", "no answer within 1s", "d:1: ", "no leader"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q is not in %q", want, err)
					}
				}
				if strings.Contains(err.Error(), "a:1") {
					t.Errorf("the endpoint in use is in %q", err)
				}
				if e := c.Info(); len(e) != 1 || e[0].Address != "a:1" || e[0].State != conn.Active {
					t.Errorf("the endpoints: %+v", e)
				}
				if _, err := get(t.Context(), c); err != nil {
					t.Errorf("a read: %v", err)
				}
				if err := c.SetEndpoints(t.Context(), []string{"nowhere:1", "void:1", "b:1"}); err != nil {
					t.Fatalf("one of use: %v", err)
				}
				began := time.Now()
				if r, err := get(t.Context(), c); err != nil || r.Header.MemberId != id("b") {
					t.Errorf("a read: %v, %v", r, err)
				}
				if took := time.Since(began); took > 100*time.Millisecond {
					t.Errorf("a read just after it takes %v", took)
				}
			})
		})
	}
}
