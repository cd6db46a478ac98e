// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/watch"
)

// The password is changed, the member restarts, and the program learns the new password only then: until it does this is
// an outage like any other, and nothing that has time left ends for it.
func TestPasswordThatIsWrongForAWhileEndsNeitherLockNorKeeperNorWatch(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	plain, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	root := auth.New(plain.Name())
	for _, step := range []func() error{
		func() error { _, err := auth.UserAdd(t.Context(), root, "root", "first"); return err },
		func() error { _, err := auth.UserGrantRole(t.Context(), root, "root", "root"); return err },
		func() error { _, err := auth.Enable(t.Context(), root); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	var password atomic.Value
	password.Store("first")
	c, err := conn.Open(t.Context(), "", cluster.Endpoints(),
		conn.WithPatience(3*time.Second), conn.WithConnectTimeout(10*time.Second),
		conn.WithCredentialsFunc(func(context.Context) (string, string, error) { return "root", password.Load().(string), nil }))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := lock.New(c.Name())
	granted, err := lease.Grant(t.Context(), request, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := lease.KeepAlive(t.Context(), request, granted.GetID())
	if err != nil {
		t.Fatal(err)
	}
	w, err := watch.Watch(t.Context(), request.WithKey("k"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	holds, leave, holder, waiter := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	go func() {
		holder <- lock.Do(t.Context(), request.WithName("l"), time.Minute, func(held context.Context, _ lock.Held) error {
			close(holds)
			select {
			case <-leave:
			case <-held.Done():
			}
			return context.Cause(held)
		})
	}()
	<-holds
	go func() {
		waiter <- lock.Do(t.Context(), request.WithName("l"), time.Minute, func(held context.Context, _ lock.Held) error {
			return context.Cause(held)
		})
	}()
	for there := int64(0); there < 2; time.Sleep(10 * time.Millisecond) {
		r, err := kv.Get(t.Context(), request.WithKey("l/").WithPrefix().WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		there = r.GetCount()
	}
	if _, err := auth.UserChangePassword(t.Context(), request, "root", "second"); err != nil {
		t.Fatal(err)
	}
	cluster.Member(0).Stop() // not killed: a single member before etcd 3.4.21 acknowledges what is not on the disk yet
	cluster.Member(0).Restart()
	var refused time.Time
	for began := time.Now(); refused.IsZero() || time.Since(refused) < 5*time.Second; time.Sleep(100 * time.Millisecond) {
		_, err := kv.Get(t.Context(), request.WithKey("k"))
		var word *etcderr.Error
		switch {
		case errors.Is(err, etcderr.ErrAuthFailed) && refused.IsZero():
			refused = time.Now()
		case refused.IsZero() && time.Since(began) > time.Minute:
			t.Fatalf("the old password is still accepted: %v", err)
		case refused.IsZero():
		case !errors.Is(err, etcderr.ErrAuthFailed):
			t.Errorf("a read in the outage: %v", err)
		case errors.Is(err, conn.ErrUnavailable) && errors.As(err, &word):
			t.Errorf("the error presents the answer to a health check as that to the read: %v", word)
		}
	}
	// The checks of an endpoint need no token on etcd 3.4, which so stays Active.
	if e := c.Info()[0]; e.State != conn.Frozen && !strings.HasPrefix(e.Version, "3.4.") {
		t.Errorf("the endpoint whose member refuses the password is %v", e.State)
	}
	if err := errors.Join(keeper.Err(), w.Err()); err != nil {
		t.Errorf("the Keeper or the watch has ended: %v", err)
	}
	password.Store("second")
	ready, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := c.WaitReady(ready); err != nil {
		t.Fatal(err)
	}
	// A connection remembers for a second that a password was refused.
	for {
		_, err := kv.Put(ready, request.WithKey("k").WithValue("v"))
		if err == nil {
			break
		}
		if !errors.Is(err, etcderr.ErrAuthFailed) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	defer time.AfterFunc(30*time.Second, func() { _ = w.Close() }).Stop()
	seen := false
	for event, err := range w.Events() {
		if seen = err == nil && string(event.GetKv().GetValue()) == "v"; !seen {
			t.Errorf("the watch: %v, %v", event, err)
		}
		break
	}
	if !seen {
		t.Error("the watch has seen nothing")
	}
	close(leave)
	for name, ended := range map[string]chan error{"holder": holder, "waiter": waiter} {
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the %s: %v", name, err)
			}
		case <-time.After(30 * time.Second):
			t.Errorf("the %s has not come to its end", name)
		}
	}
}
