// SPDX-License-Identifier: Apache-2.0

// Package auth turns etcd's access control on and off, and manages users, roles and permissions.
//
//	c := auth.New("registry")
//	_, err := auth.UserAdd(ctx, c, "root", rootPassword)
//	_, err = auth.UserGrantRole(ctx, c, "root", "root")
//	_, err = auth.RoleAdd(ctx, c, "reader")
//	_, err = auth.RoleGrantPermission(ctx, c, "reader", "config/", kv.PrefixEnd("config/"), authpb.Permission_READ)
//	_, err = auth.Enable(ctx, c)
//
// Every function is safe for concurrent use. Of the options it takes only WithTimeout and WithEndpoint. A call ends at the
// deadline of its context or after WithTimeout, whichever is earlier. When neither is set, it ends after 5 s. It returns
// kv.ErrInvalid, an error of package conn, or an *etcderr.Error. No error holds a password. A change that may have been made
// is not sent again.
//
// While auth is on, the functions need a user with the role root. Otherwise they return etcderr.ErrPermissionDenied. There
// are three exceptions. A user may call [UserGet] with its own name, and [RoleGet] with a role that it has. On servers from
// 3.7 on, everyone may call [Status]. A request without a user is etcderr.ErrUserEmpty.
//
// Its counterpart in eetcd is the module eetcd_auth: see docs/eetcd.md.
package auth

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in
// every package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Enable turns access control on. It needs a user root with the role root. Otherwise it returns
// etcderr.ErrRootUserNotExist or etcderr.ErrRootRoleNotExist. It is no error if access control is on already. From then
// on all requests need a user, also on open connections. It calls Auth/AuthEnable.
func Enable(parent context.Context, c Request) (*pb.AuthEnableResponse, error) {
	return call(parent, c, "an auth enable request", wire.Auth.AuthEnable,
		&pb.AuthEnableRequest{})
}

// Disable turns access control off. Users and roles stay. It is no error if access control is off already. It calls
// Auth/AuthDisable.
func Disable(parent context.Context, c Request) (*pb.AuthDisableResponse, error) {
	return call(parent, c, "an auth disable request", wire.Auth.AuthDisable,
		&pb.AuthDisableRequest{})
}

// Status returns whether access control is on, and the revision of users and roles. Servers before 3.5 do not have it,
// and the error's Code is Unimplemented. It calls Auth/AuthStatus.
func Status(parent context.Context, c Request) (*pb.AuthStatusResponse, error) {
	return call(parent, c, "an auth status request", wire.Auth.AuthStatus,
		&pb.AuthStatusRequest{})
}

// call sends a request that takes no option of its own.
func call[Q, R any](parent context.Context, c Request, what string, method wire.Method[Q, R], request *Q) (*R, error) {
	if err := render.Check(c, what, 0); err != nil {
		return nil, err
	}
	return method.Call(parent, c, request)
}
