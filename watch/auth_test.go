// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/watch"
)

// enableAuth turns authentication on. It returns a context that acts as the user root, who may do everything.
func enableAuth(t *testing.T, endpoint string) (parent context.Context, cc *grpc.ClientConn) {
	t.Helper()
	cc, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	auth := pb.NewAuthClient(cc)
	if _, err := auth.UserAdd(t.Context(), &pb.AuthUserAddRequest{Name: "root", Password: "open sesame"}); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.RoleAdd(t.Context(), &pb.AuthRoleAddRequest{Name: "root"}); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.UserGrantRole(t.Context(), &pb.AuthUserGrantRoleRequest{User: "root", Role: "root"}); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.AuthEnable(t.Context(), &pb.AuthEnableRequest{}); err != nil {
		t.Fatal(err)
	}
	r, err := auth.Authenticate(t.Context(), &pb.AuthenticateRequest{Name: "root", Password: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	return metadata.AppendToOutgoingContext(t.Context(), "token", r.Token), cc
}

func TestPermissionErrorIsTypedAndFinal(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithProxy())
	m := cluster.Member(0)
	c := open(t, cluster)
	before := start(t, c.WithKey("k"))
	root, cc := enableAuth(t, m.Endpoint())

	mustBeFinal := func(what string, err error) {
		t.Helper()
		var e *etcderr.Error
		if !errors.As(err, &e) || e.Endpoint() != m.Endpoint() || e.Outcome() != etcderr.Rejected || e.SafeToRetry() {
			t.Errorf("%s: got %v", what, err)
		}
		// Servers before 3.6 do not tell who nobody is from who may not.
		if !errors.Is(err, etcderr.ErrUserEmpty) && !errors.Is(err, etcderr.ErrPermissionDenied) {
			t.Errorf("%s: got %v", what, err)
		}
		if code := e.Code(); code != codes.InvalidArgument && code != codes.PermissionDenied {
			t.Errorf("%s: code %v", what, code)
		}
	}
	parent, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := watch.Watch(parent, c.WithKey("k"))
	mustBeFinal("a new watch", err)

	// One that was open goes on, until it has to be created anew.
	if _, err := pb.NewKVClient(cc).Put(root, &pb.PutRequest{Key: []byte("k"), Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	if got := brief(read(t, before, 1)); got != "PUT k=v" {
		t.Errorf("got %s", got)
	}
	m.Cut()
	m.Heal()
	for r, err := range before.Responses() {
		if r != nil {
			t.Errorf("got %v", r)
			continue
		}
		mustBeFinal("an old watch", err)
	}
	if before.Err() == nil {
		t.Error("the earlier watch has not ended")
	}
}

// The next stream needs another token, and the password is wrong by then. A watch that exists waits as in an outage. A watch that is
// being created fails.
func TestLoginRefusalEndsNoWatchThatWasCreated(t *testing.T) {
	cluster := etcdtest.Start(t)
	root, cc := enableAuth(t, cluster.Member(0).Endpoint())
	var password atomic.Value
	password.Store("open sesame")
	c := open(t, cluster, conn.WithConnectTimeout(10*time.Second), conn.WithCredentialsFunc(func(context.Context) (string, string, error) { return "root", password.Load().(string), nil }))
	before := start(t, c.WithKey("k"))
	if _, err := pb.NewAuthClient(cc).UserChangePassword(root, &pb.AuthUserChangePasswordRequest{Name: "root", Password: "changed"}); err != nil {
		t.Fatal(err)
	}
	parent, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	// Servers before 3.6 do not tell who nobody is from who may not.
	for range 2 { // the second finds the stream broken
		if _, err := watch.Watch(parent, c.WithKey("k")); !errors.Is(err, etcderr.ErrAuthFailed) && !errors.Is(err, etcderr.ErrPermissionDenied) {
			t.Errorf("a new watch: %v", err)
		}
	}
	if err := before.Err(); err != nil {
		t.Fatalf("the old watch has ended: %v", err)
	}
	password.Store("changed")
	write(t, c, "k", "v")
	if got := brief(read(t, before, 1)); got != "PUT k=v" {
		t.Errorf("got %s", got)
	}
}
