// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/watch"
)

const (
	rootPassword = "s3cret-of-root"
	userPassword = "s3cret-of-user"
)

// cheap makes password checks fast, which are slow on purpose.
var cheap = etcdtest.WithFlags("--bcrypt-cost=4")

// counting counts the authentications of a connection.
func counting(n *atomic.Int64) conn.Option {
	return conn.WithDialOptions(grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			if method == pb.Auth_Authenticate_FullMethodName {
				n.Add(1)
			}
			return invoke(ctx, method, args, reply, cc, opts...)
		}))
}

// withUsers adds root, and a user with all rights to keys below "mine/", and enables auth.
func withUsers(t *testing.T, cluster *etcdtest.Cluster) {
	t.Helper()
	prepare(t, cluster)
	c := auth.New(open(t, "", cluster.Endpoints()).Name())
	if _, err := auth.Enable(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func prepare(t *testing.T, cluster *etcdtest.Cluster) {
	t.Helper()
	c := auth.New(open(t, "", cluster.Endpoints()).Name())
	for _, step := range []func() error{
		func() error { _, err := auth.UserAdd(t.Context(), c, "root", rootPassword); return err },
		func() error { _, err := auth.UserGrantRole(t.Context(), c, "root", "root"); return err },
		func() error { _, err := auth.UserAdd(t.Context(), c, "user", userPassword); return err },
		func() error { _, err := auth.RoleAdd(t.Context(), c, "mine"); return err },
		func() error {
			_, err := auth.RoleGrantPermission(t.Context(), c, "mine", "mine/", ctx.PrefixEnd("mine/"), authpb.Permission_READWRITE)
			return err
		},
		func() error { _, err := auth.UserGrantRole(t.Context(), c, "user", "mine"); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// mustRenew waits until a renewal that is sent from now on has been acknowledged.
func mustRenew(t *testing.T, k *lease.Keeper) {
	t.Helper()
	since := time.Now()
	for renewal := range k.Renewals() {
		if renewal.Sent.After(since) {
			return
		}
	}
	t.Errorf("the lease is not kept: %v", k.Err())
}

// together makes calls from 64 goroutines at once.
func together(t *testing.T, call func(i int) error) {
	t.Helper()
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range 64 {
		all.Go(func() {
			<-start
			if err := call(i); err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	close(start)
	all.Wait()
}

func TestOneTokenServesAllAndIsRenewedOnceForAll(t *testing.T) {
	cluster := etcdtest.Start(t, cheap)
	withUsers(t, cluster)
	root := auth.New(open(t, "", cluster.Endpoints(), conn.WithCredentials("root", rootPassword)).Name())
	var n atomic.Int64
	// A health check during the test would authenticate as well.
	c := open(t, "", cluster.Endpoints(), conn.WithCredentials("user", userPassword), counting(&n), conn.WithHealthCheckInterval(time.Hour))
	forget := func() { // has the server forget the tokens of the user
		t.Helper()
		if _, err := auth.UserChangePassword(t.Context(), root, "user", userPassword); err != nil {
			t.Fatal(err)
		}
	}
	key := kv.New(c.Name()).WithKey("mine/k")
	w, err := watch.Watch(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for round := range int64(3) {
		if got := n.Load(); got != round+1 {
			t.Fatalf("%d authentications, want %d", got, round+1)
		}
		forget()
		together(t, func(i int) error {
			if i%2 == 0 {
				_, err := kv.Put(t.Context(), key.WithValue(fmt.Sprint(i)))
				return err
			}
			_, err := kv.Get(t.Context(), key)
			return err
		})
	}
	forget()
	second, err := watch.Watch(t.Context(), key) // on a stream that was opened with a token long gone
	if strings.HasPrefix(cluster.Member(0).Version(), "v3.4.") {
		// These servers give this answer for a token that they have forgotten, as for a missing permission.
		if !errors.Is(err, etcderr.ErrPermissionDenied) {
			t.Errorf("a watch after the end of the token: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatalf("a watch after the end of the token: %v", err)
	}
	defer second.Close()
	if _, err := kv.Put(t.Context(), key.WithValue("last")); err != nil {
		t.Fatal(err)
	}
	if got := n.Load(); got != 5 {
		t.Errorf("%d authentications, want 5", got)
	}
	for name, w := range map[string]*watch.Watcher{"first": w, "second": second} {
		for e, err := range w.Events() {
			if err != nil {
				t.Fatalf("%s watch: %v", name, err)
			}
			if string(e.GetKv().GetValue()) == "last" {
				break
			}
		}
	}
	if _, err := kv.Put(t.Context(), key.WithKey("theirs/k")); !errors.Is(err, etcderr.ErrPermissionDenied) {
		t.Errorf("a write to another's key: %v", err)
	}
}

func TestCallsAndStreamsSurviveTheLossOfTheToken(t *testing.T) {
	cluster := etcdtest.Start(t, cheap, etcdtest.WithSize(3))
	withUsers(t, cluster)
	var n atomic.Int64
	c := open(t, "", cluster.Endpoints(), conn.WithCredentials("user", userPassword), counting(&n))
	key := kv.New(c.Name()).WithKey("mine/k")
	if got := n.Load(); got != 1 {
		t.Errorf("%d authentications for three endpoints", got)
	}
	granted, err := lease.Grant(t.Context(), lease.New(c.Name()), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := lease.KeepAlive(t.Context(), lease.New(c.Name()), granted.GetID())
	if err != nil {
		t.Fatal(err)
	}
	w, err := watch.Watch(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var calling sync.WaitGroup
	over := make(chan struct{})
	for range 16 {
		calling.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(5 * time.Millisecond):
				}
				if _, err := kv.Get(t.Context(), key); err != nil {
					t.Errorf("a read: %v", err)
					return
				}
			}
		})
	}
	for i := range 3 {
		cluster.Member(i).Stop()
		cluster.Member(i).Restart()
		for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			active := 0
			for _, e := range c.Info() {
				if e.State == conn.Active {
					active++
				}
			}
			if active == 3 {
				break
			}
			if time.Since(began) > 30*time.Second {
				t.Fatalf("member %d has not come back: %v", i, c.Info())
			}
		}
		// On a busy machine a member may learn of a token later than after half a second. Then there is another token.
		if got, most := n.Load(), int64(1+3*(i+1)); got > most {
			t.Errorf("after %d restarts there were %d authentications, want %d at most", i+1, got, most)
		}
	}
	close(over)
	calling.Wait()
	if _, err := kv.Put(t.Context(), key.WithValue("last").WithLease(granted.GetID())); err != nil {
		t.Errorf("a write: %v", err)
	}
	for e, err := range w.Events() {
		if err != nil || string(e.GetKv().GetValue()) != "last" {
			t.Errorf("the watch: %v, %v", e, err)
		}
		break
	}
	mustRenew(t, keeper)
}

func TestWrongPasswordFailsOpenAndAppearsInNoErrorOrLog(t *testing.T) {
	cluster := etcdtest.Start(t, cheap, etcdtest.WithSize(3))
	withUsers(t, cluster)
	for name, option := range map[string]conn.Option{
		"a wrong password": conn.WithCredentials("user", "wr0ng-s3cret"),
		"an unknown user":  conn.WithCredentials("nobody", "wr0ng-s3cret"),
	} {
		var log bytes.Buffer
		began := time.Now()
		_, err := conn.Open(t.Context(), "", cluster.Endpoints(), option, conn.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		if !errors.Is(err, etcderr.ErrAuthFailed) || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(began))
		}
		if err == nil {
			continue
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), log.String()} {
			if strings.Contains(text, "s3cret") {
				t.Errorf("%s: the password is in %q", name, text)
			}
		}
	}
	for name, option := range map[string]conn.Option{
		"no user":     conn.WithCredentials("", userPassword),
		"no password": conn.WithCredentials("user", ""),
	} {
		if _, err := conn.Open(t.Context(), "", cluster.Endpoints(), option); !errors.Is(err, conn.ErrOption) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCredentialsAreIgnoredUntilAuthIsEnabled(t *testing.T) {
	cluster := etcdtest.Start(t, cheap)
	prepare(t, cluster)
	var n atomic.Int64
	c := open(t, "", cluster.Endpoints(), conn.WithCredentials("root", rootPassword), counting(&n))
	key := kv.New(c.Name()).WithKey("k")
	w, err := watch.Watch(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := kv.Put(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.Enable(t.Context(), auth.New(c.Name())); err != nil {
		t.Fatal(err)
	}
	before := n.Load()
	together(t, func(int) error { _, err := kv.Put(t.Context(), key); return err })
	if got := n.Load() - before; got != 1 {
		t.Errorf("%d authentications when auth was turned on", got)
	}
	other, err := watch.Watch(t.Context(), key)
	switch {
	case err == nil:
		_ = other.Close()
	case !strings.HasPrefix(cluster.Member(0).Version(), "v3.4.") || !errors.Is(err, etcderr.ErrPermissionDenied):
		t.Fatalf("a watch on a stream from before: %v", err)
	}
	// An empty user name is the caller's own mistake, and does not cause an authentication.
	before = n.Load()
	if _, err := auth.UserAdd(t.Context(), auth.New(c.Name()), "", "p"); !errors.Is(err, etcderr.ErrUserEmpty) {
		t.Errorf("a user without a name: %v", err)
	}
	if got := n.Load() - before; got != 0 {
		t.Errorf("%d authentications for a user without a name", got)
	}
	if _, err := auth.Disable(t.Context(), auth.New(c.Name())); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), key); err != nil {
		t.Errorf("after auth was turned off: %v", err)
	}
}

func TestChangesOfUsersAndRolesFailNoCall(t *testing.T) {
	cluster := etcdtest.Start(t, cheap)
	withUsers(t, cluster)
	root := auth.New(open(t, "", cluster.Endpoints(), conn.WithCredentials("root", rootPassword)).Name())
	var n atomic.Int64
	c := open(t, "", cluster.Endpoints(), conn.WithCredentials("user", userPassword), counting(&n))
	key := kv.New(c.Name()).WithKey("mine/k")
	over := make(chan struct{})
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			case <-time.After(10 * time.Millisecond):
			}
			if _, err := auth.RoleAdd(t.Context(), root, fmt.Sprint("role", i)); err != nil {
				t.Errorf("RoleAdd: %v", err)
				return
			}
		}
	})
	for range 20 {
		together(t, func(i int) error {
			if i%2 == 0 {
				_, err := kv.Put(t.Context(), key)
				return err
			}
			_, err := kv.Get(t.Context(), key)
			return err
		})
	}
	close(over)
	changing.Wait()
	if got := n.Load(); got != 1 {
		t.Errorf("%d authentications: a token that stays valid was replaced", got)
	}
}

func TestRemovedUserGetsAnErrorAfterFewAuthentications(t *testing.T) {
	cluster := etcdtest.Start(t, cheap)
	withUsers(t, cluster)
	root := auth.New(open(t, "", cluster.Endpoints(), conn.WithCredentials("root", rootPassword)).Name())
	var n atomic.Int64
	c := open(t, "", cluster.Endpoints(), conn.WithCredentials("user", userPassword), counting(&n))
	key := kv.New(c.Name()).WithKey("mine/k")
	if _, err := kv.Put(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.UserDelete(t.Context(), root, "user"); err != nil {
		t.Fatal(err)
	}
	calls := 0
	for began := time.Now(); time.Since(began) < 3*time.Second; calls++ {
		_, err := kv.Get(t.Context(), key)
		if !errors.Is(err, etcderr.ErrAuthFailed) {
			t.Fatalf("got %v", err)
		}
	}
	if got := n.Load(); got > 8 {
		t.Errorf("%d authentications for %d calls", got, calls)
	}
}
