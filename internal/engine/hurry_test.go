// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// dials is a network on which nobody listens. It records when each address was dialled.
type dials struct {
	mu sync.Mutex
	at map[string][]time.Time
}

// The endpoints need no look-up.
const first, second = "192.0.2.1:1", "192.0.2.2:1"

// nowhere opens a connection on which every attempt to connect fails after the time takes. pause is the pause between
// two attempts, or nil for the default.
func nowhere(t *testing.T, takes time.Duration, pause func() backoff.BackOff) (*Conn, *dials) {
	d := &dials{at: map[string][]time.Time{}}
	config := Default()
	config.Network.Dial = func(parent context.Context, _, address string) (net.Conn, error) {
		d.mu.Lock()
		d.at[address] = append(d.at[address], time.Now())
		d.mu.Unlock()
		wait.For(parent, takes)
		return nil, errors.New("connection refused")
	}
	config.Lazy = true
	if pause != nil {
		config.Backoff = pause
	}
	addresses, err := member.ParseAddresses([]string{first, second}, false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(t.Context(), "", addresses, config, func(*Conn) any { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, d
}

func (d *dials) count(address string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.at[address])
}

// longest returns the longest time between two attempts.
func (d *dials) longest(address string) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	var longest time.Duration
	for i, at := range d.at[address][1:] {
		longest = max(longest, at.Sub(d.at[address][i]))
	}
	return longest
}

func TestReconnectPauseIsAtMostASecondWhileNothingIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, d := nowhere(t, 0, nil)
		time.Sleep(time.Minute)
		if longest := d.longest(first); longest > time.Second {
			t.Errorf("%v between two attempts", longest)
		}
		if n := d.count(first); n > 90 {
			t.Errorf("%d attempts in a minute that nobody asked for", n)
		}
	})
}

func TestUsersBackoffIsKeptWhileNothingIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		constant := func() backoff.BackOff { return backoff.NewConstantBackOff(10 * time.Second) }
		c, d := nowhere(t, 0, constant)
		time.Sleep(59 * time.Second)
		if n := d.count(first); n != 6 {
			t.Errorf("%d attempts in a minute, want one each 10 s", n)
		}
		c.set.Hurry(nil)
		synctest.Wait()
		if n := d.count(first); n != 7 {
			t.Errorf("%d attempts after a call asked for one, want 7", n)
		}
	})
}

func TestWaitingCallsBringAttemptsForwardToFourASecond(t *testing.T) {
	for name, takes := range map[string]time.Duration{"refused": 0, "refused after 200 ms": 200 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, d := nowhere(t, takes, nil)
				for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(time.Millisecond) {
					c.set.Hurry(nil)
				}
				for _, address := range []string{first, second} {
					if n := d.count(address); n < 38 || n > 44 {
						t.Errorf("%s: %d attempts in 10 s, want about 40", address, n)
					}
				}
			})
		})
	}
}

func TestPinnedCallBringsOnlyItsEndpointsAttemptForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := nowhere(t, 0, func() backoff.BackOff { return backoff.NewConstantBackOff(time.Hour) })
		synctest.Wait()
		_, err := pb.NewKVClient(c).Range(t.Context(), &pb.RangeRequest{Key: []byte("k")}, call.OnEndpoint(first), call.Within(2*time.Second))
		if !errors.Is(err, connerr.ErrUnavailable) {
			t.Error(err)
		}
		if n, other := d.count(first), d.count(second); n < 7 || other != 1 {
			t.Errorf("%d attempts at the endpoint that is wanted, %d at the other", n, other)
		}
	})
}

// A call that asks during an attempt gets another attempt after it, since the server may have come back meanwhile.
func TestCallDuringAnAttemptGetsAnotherAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, d := nowhere(t, 900*time.Millisecond, func() backoff.BackOff { return backoff.NewConstantBackOff(time.Hour) })
		time.Sleep(500 * time.Millisecond)
		c.set.Hurry(nil)
		time.Sleep(450 * time.Millisecond)
		if n := d.count(first); n != 2 {
			t.Errorf("%d attempts, want a second one as soon as the first has failed", n)
		}
		time.Sleep(10 * time.Minute)
		if n := d.count(first); n != 2 {
			t.Errorf("%d attempts, though nobody asked for a third", n)
		}
	})
}
