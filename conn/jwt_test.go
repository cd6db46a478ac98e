// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/watch"
)

// A JSON Web Token holds a revision of users and roles, so each change of them invalidates it.
func TestJSONWebTokensAreRenewedAfterAChangeOfUsers(t *testing.T) {
	cluster := etcdtest.Start(t, cheap, onecluster.JWT(t, 10*time.Minute))
	withUsers(t, cluster)
	root := auth.New(open(t, "", cluster.Endpoints(), conn.WithCredentials("root", rootPassword)).Name())
	var n atomic.Int64
	c := open(t, "", cluster.Endpoints(), conn.WithCredentials("user", userPassword), counting(&n))
	key := kv.New(c.Name()).WithKey("mine/k")
	granted, err := lease.Grant(t.Context(), lease.New(c.Name()), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := lease.KeepAlive(t.Context(), lease.New(c.Name()), granted.GetID())
	if err != nil {
		t.Fatal(err)
	}
	defer keeper.Close()
	old := strings.HasPrefix(cluster.Member(0).Version(), "v3.4.")
	for i := range int64(4) {
		var events <-chan *pb.WatchResponse
		if i == 0 || !old { // 3.4 gives a forgotten token and a missing permission the same answer
			w, err := watch.Watch(t.Context(), key) // from the second one on, on a stream with an old token
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			events = w.Chan()
		}
		together(t, func(i int) error {
			if i%2 == 0 {
				_, err := kv.Put(t.Context(), key.WithLease(granted.GetID()))
				return err
			}
			_, err := kv.Get(t.Context(), key)
			return err
		})
		if events != nil {
			select {
			case <-events:
			case <-time.After(5 * time.Second):
				t.Errorf("watch %d tells nothing", i)
			}
		}
		if got := n.Load(); got != i+1 {
			t.Fatalf("%d authentications after %d changes", got, i)
		}
		if _, err := auth.RoleAdd(t.Context(), root, fmt.Sprint("role", i)); err != nil {
			t.Fatal(err)
		}
	}
	mustRenew(t, keeper)
}

func TestExpiredJSONWebTokensAreRenewed(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	cluster := etcdtest.Start(t, cheap, onecluster.JWT(t, ttl))
	withUsers(t, cluster)
	var n atomic.Int64
	c := open(t, "", cluster.Endpoints(), conn.WithCredentials("user", userPassword), counting(&n), conn.WithHealthCheckInterval(time.Hour))
	key := kv.New(c.Name()).WithKey("mine/k")
	var busy time.Duration
	for i := range 3 {
		if i > 0 {
			time.Sleep(ttl + time.Second)
		}
		began := time.Now()
		together(t, func(int) error {
			_, err := kv.Put(t.Context(), key)
			return err
		})
		busy += time.Since(began)
	}
	if got, most := n.Load(), 3+int64(busy/(ttl/2)); got < 3 || got > most {
		t.Errorf("%d authentications for three tokens that lasted, want 3 to %d", got, most)
	}
}

// Changes of users and roles may overtake a request more than once. A simple token stays valid, and is not replaced for
// that.
func TestOldRevisionReplacesJSONWebTokensOnly(t *testing.T) {
	for token, want := range map[string]int64{"kTzGcFsbyrYMfiXq.17": 1, "eyJhbGci.eyJyZXZp.c2lnbmVk": 4} {
		synctest.Test(t, func(t *testing.T) {
			m := newMember(t, "a")
			m.token = token
			c := openFake(t, []*member{m}, conn.WithCredentials("user", userPassword))
			left := 8
			m.answerKV(func(context.Context) error { // one request, so one answer at a time
				if left == 0 {
					return nil
				}
				left--
				return status.Error(codes.InvalidArgument, "etcdserver: revision of auth store is old")
			})
			if _, err := put(t.Context(), c); err != nil {
				t.Errorf("%s: %v", token, err)
			}
			if got := m.logins.Load(); got != want {
				t.Errorf("%s: %d authentications, want %d", token, got, want)
			}
		})
	}
}
