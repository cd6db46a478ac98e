// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
)

// registry is the connection to the member that is shared by the tests that leave auth off. The others start their own.
const registry = "registry"

// cheap makes password checks fast, which are slow on purpose.
var cheap = etcdtest.WithFlags("--bcrypt-cost=4")

func TestMain(m *testing.M) { onecluster.Main(m, registry, nil, cheap) }

// open opens a connection that closes with the test.
func open(t *testing.T, cluster *etcdtest.Cluster, opts ...conn.Option) *conn.Conn {
	t.Helper()
	return onecluster.Open(t, "", cluster.Endpoints(), opts...)
}

// token authenticates each call as the user that a server issued it to.
type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"token": string(t)}, nil
}

func (token) RequireTransportSecurity() bool { return false }

// login asks for a token over any connection.
func login(t *testing.T, over *conn.Conn, user, password string) (token, error) {
	response, err := pb.NewAuthClient(over).Authenticate(t.Context(), &pb.AuthenticateRequest{Name: user, Password: password})
	return token(response.GetToken()), err
}

// as opens a connection that acts as a user.
func as(t *testing.T, cluster *etcdtest.Cluster, over *conn.Conn, user, password string) ctx.Ctx {
	t.Helper()
	token, err := login(t, over, user, password)
	if err != nil {
		t.Fatalf("Authenticate as %s: %v", user, err)
	}
	return auth.New(open(t, cluster, conn.WithDialOptions(grpc.WithPerRPCCredentials(token))).Name())
}

// call is one request of this package.
type call func(context.Context, ctx.Ctx) error

// of drops the response of a function.
func of[Response any](f func(context.Context, ctx.Ctx) (Response, error)) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := f(parent, c)
		return err
	}
}

// of1 is of for a function with an argument, of2 with two.
func of1[Response any](f func(context.Context, ctx.Ctx, string) (Response, error), a string) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := f(parent, c, a)
		return err
	}
}

func of2[Response any](f func(context.Context, ctx.Ctx, string, string) (Response, error), a, b string) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := f(parent, c, a, b)
		return err
	}
}

// tidy deletes the users and roles of a test, which carry its name, so that the test can run again.
func tidy(t *testing.T, c ctx.Ctx) {
	t.Cleanup(func() {
		parent := context.Background()
		remove := func(names []string, one func(string) call) {
			for _, name := range names {
				if !strings.HasPrefix(name, t.Name()) {
					continue
				}
				if err := one(name)(parent, c); err != nil {
					t.Error(err)
				}
			}
		}
		users, err := auth.UserList(parent, c)
		if err != nil {
			t.Error(err)
		}
		roles, err := auth.RoleList(parent, c)
		if err != nil {
			t.Error(err)
		}
		remove(users.GetUsers(), func(name string) call { return of1(auth.UserDelete, name) })
		remove(roles.GetRoles(), func(name string) call { return of1(auth.RoleDelete, name) })
	})
}

func must(t *testing.T, c ctx.Ctx, calls ...call) {
	t.Helper()
	for i, call := range calls {
		if err := call(t.Context(), c); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

// wantFailure checks the outcome of a failed call, and that errors.Is finds its reason.
func wantFailure(t *testing.T, err error, outcome etcderr.Outcome, reason error) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if got := etcderr.OutcomeOf(err); got != outcome || !errors.Is(err, reason) {
		t.Errorf("%q with outcome %v, want %q with %v", err, got, reason, outcome)
	}
}

func wantInvalid(t *testing.T, err error, conflicts ...string) {
	t.Helper()
	wantFailure(t, err, etcderr.NotSent, ctx.ErrInvalid)
	var invalid *ctx.InvalidError
	if errors.As(err, &invalid) && !slices.Equal(invalid.Conflicts, conflicts) {
		t.Errorf("conflicts %q, want %q", invalid.Conflicts, conflicts)
	}
}

// isOld reports whether the cluster's minor version is before 3.5.
func isOld(c *etcdtest.Cluster) bool { return strings.HasPrefix(c.Member(0).Version(), "v3.4.") }
