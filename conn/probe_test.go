// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

// A forgotten connection swallows what is sent on it. Reads and writes that meet one use another connection.
func TestCallOnAForgottenConnectionUsesANewOne(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		for name, call := range eachKind {
			t.Run(mode.String()+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a := newMember(t, "a")
					var told heard
					c := openFake(t, []*member{a}, told.option(), conn.WithMode(mode), conn.WithHealthCheckInterval(time.Hour))
					stream := openStream(t, c, a)
					time.Sleep(63 * time.Second) // no multiple of 10 s: the answer to a ping that is under way then is a sign of life
					a.Swallow()
					began := time.Now()
					if err := call(t.Context(), c); err != nil {
						t.Errorf("after %v: %v", time.Since(began), err)
					}
					if took := time.Since(began); took > 700*time.Millisecond {
						t.Errorf("it took %v", took)
					}
					if got := told.events(); len(got) != 1 {
						t.Errorf("the listener heard %+v", got)
					}
					if err := stream.RecvMsg(nil); err == nil {
						t.Error("a stream stays on the forgotten connection")
					}
				})
			})
		}
	}
}

func TestBusyConnectionIsNotAskedForSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a}, conn.WithHealthCheckInterval(time.Hour))
		checks := a.Checks.Load()
		for range 100 {
			time.Sleep(4 * time.Second)
			if _, err := put(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if n := a.Checks.Load() - checks; n != 0 {
			t.Errorf("%d checks", n)
		}
		time.Sleep(6 * time.Second)
		if _, err := put(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if n := a.Checks.Load() - checks; n != 1 {
			t.Errorf("%d checks for a write after 6 s of silence, want 1", n)
		}
	})
}

func TestAnswerToAHedgeIsASignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b}, conn.WithHealthCheckInterval(time.Hour))
		a.answerKV(slowly(time.Minute))
		for hedged := false; !hedged; {
			time.Sleep(6 * time.Second)
			began := time.Now()
			if _, err := get(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			hedged = time.Since(began) > 0
		}
		checks := b.Checks.Load()
		if _, err := put(t.Context(), c, conn.OnEndpoint("b:1")); err != nil {
			t.Fatal(err)
		}
		if n := b.Checks.Load() - checks; n != 0 {
			t.Errorf("%d checks of a member that answered a moment ago", n)
		}
	})
}

// A write on a connection that has been quiet for 5 s waits for a sign of life. The read before it got none from a: b answered its hedge.
func TestAnswerToAHedgeIsNoSignOfLifeOfTheSilentMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b}, conn.WithHealthCheckInterval(time.Hour))
		toA := conn.OnEndpoint("a:1")
		if _, err := put(t.Context(), c, toA); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4800 * time.Millisecond)
		a.Swallow()
		for hedged := false; !hedged; {
			began := time.Now()
			if _, err := get(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			hedged = time.Since(began) > 0
		}
		began := time.Now()
		if _, err := put(t.Context(), c, toA); err != nil {
			t.Errorf("a write to the silent member, after %v: %v", time.Since(began), err)
		}
	})
}

// A slow read on a quiet connection is not sent again: the member does answer.
func TestSlowReadOnAQuietConnectionStaysThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		time.Sleep(10 * time.Second)
		a.answerKV(slowly(3 * time.Second))
		if _, err := get(t.Context(), c); err != nil {
			t.Error(err)
		}
		if n, m := a.calls.Load(), a.Dials.Load(); n != 1 || m != 1 {
			t.Errorf("sent %d times over %d connections", n, m)
		}
	})
}

func TestWriteAfterANATForgotTheConnectionIsApplied(t *testing.T) {
	t.Parallel()
	b := etcdtest.Start(t).Balancer()
	c := open(t, "", []string{b.Endpoint()}, conn.WithHealthCheckInterval(time.Hour))
	b.ForgetIdle(time.Second)
	time.Sleep(5500 * time.Millisecond)
	began := time.Now()
	if _, err := put(t.Context(), c); err != nil {
		t.Errorf("a write: %v", err)
	}
	t.Logf("it took %v", time.Since(began))
}
