// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/authpb"
)

const password = "correct-horse-battery"

func grant(role, key, rangeEnd string, kind authpb.Permission_Type) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := auth.RoleGrantPermission(parent, c, role, key, rangeEnd, kind)
		return err
	}
}

func revoke(role, key, rangeEnd string) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := auth.RoleRevokePermission(parent, c, role, key, rangeEnd)
		return err
	}
}

// functions has every function of the package, with arguments that name nobody, and the name of its request in errors.
var functions = []struct {
	name, request string
	call          call
}{
	{"Enable", "an auth enable request", of(auth.Enable)},
	{"Disable", "an auth disable request", of(auth.Disable)},
	{"Status", "an auth status request", of(auth.Status)},
	{"UserAdd", "a user add request", of2(auth.UserAdd, "nobody", password)},
	{"UserAddNoPassword", "a user add request", of1(auth.UserAddNoPassword, "nobody")},
	{"UserDelete", "a user delete request", of1(auth.UserDelete, "nobody")},
	{"UserGet", "a user get request", of1(auth.UserGet, "nobody")},
	{"UserList", "a user list request", of(auth.UserList)},
	{"UserChangePassword", "a user change password request", of2(auth.UserChangePassword, "nobody", password)},
	{"UserGrantRole", "a user grant role request", of2(auth.UserGrantRole, "nobody", "none")},
	{"UserRevokeRole", "a user revoke role request", of2(auth.UserRevokeRole, "nobody", "none")},
	{"RoleAdd", "a role add request", of1(auth.RoleAdd, "none")},
	{"RoleGet", "a role get request", of1(auth.RoleGet, "none")},
	{"RoleList", "a role list request", of(auth.RoleList)},
	{"RoleDelete", "a role delete request", of1(auth.RoleDelete, "none")},
	{"RoleGrantPermission", "a role grant permission request", grant("none", "k", "", authpb.Permission_READ)},
	{"RoleRevokePermission", "a role revoke permission request", revoke("none", "k", "")},
}

func TestUnsupportedOptionsAreRefusedInOneError(t *testing.T) {
	for _, tt := range functions {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.call(t.Context(), auth.New(registry).WithSerializable().WithName("n").WithKey("k").WithTimeout(5))
			wantInvalid(t, err,
				"ctx: WithKey does not apply to "+tt.request,
				"ctx: WithSerializable does not apply to "+tt.request,
				"ctx: WithName does not apply to "+tt.request,
				"ctx: WithTimeout(5ns) is below 1ms in "+tt.request)
			checkSecret(t, err, password)
		})
	}
}

func TestRequestWithoutAnOpenConnectionIsNotSent(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range functions {
		t.Run(tt.name, func(t *testing.T) {
			for _, refused := range []struct {
				parent context.Context
				c      ctx.Ctx
				want   error
			}{
				{t.Context(), ctx.Ctx{}, conn.ErrNotOpen},
				{t.Context(), auth.New("no-such"), conn.ErrNotOpen},
				{t.Context(), auth.New(registry).WithEndpoint("127.0.0.1:1"), conn.ErrEndpoint},
				{ended, auth.New(registry), context.Canceled},
			} {
				err := tt.call(refused.parent, refused.c)
				wantFailure(t, err, etcderr.NotSent, refused.want)
				checkSecret(t, err, password)
			}
		})
	}
}

func TestUnknownKindOfPermissionIsNotSent(t *testing.T) {
	c := auth.New(registry)
	tidy(t, c)
	must(t, c, of1(auth.RoleAdd, t.Name()))
	wantInvalid(t, grant(t.Name(), "k", "", 3)(t.Context(), c),
		"auth: unknown permission type 3 in a role grant permission request")
	wantInvalid(t, grant(t.Name(), "k", "", -1)(t.Context(), c.WithLimit(0)),
		"ctx: WithLimit does not apply to a role grant permission request",
		"auth: unknown permission type -1 in a role grant permission request")
	if role, err := auth.RoleGet(t.Context(), c, t.Name()); err != nil || len(role.GetPerm()) != 0 {
		t.Errorf("after refusals only: %v, %v", role.GetPerm(), err)
	}
}

func TestRefusalOfTheServerIsReturnedAsItsSentinel(t *testing.T) {
	c := auth.New(registry)
	tidy(t, c)
	user, role := t.Name()+"-user", t.Name()+"-role"
	must(t, c, of2(auth.UserAdd, user, password), of1(auth.RoleAdd, role), grant(role, "a", "c", authpb.Permission_READ))
	for _, tt := range []struct {
		name string
		call call
		want error
	}{
		{"enable without root", of(auth.Enable), etcderr.ErrRootUserNotExist},
		{"add a user who is there", of2(auth.UserAdd, user, password), etcderr.ErrUserAlreadyExist},
		{"add a user who is there, without password", of1(auth.UserAddNoPassword, user), etcderr.ErrUserAlreadyExist},
		{"add a user without a name", of2(auth.UserAdd, "", password), etcderr.ErrUserEmpty},
		{"add a user without a name or password", of1(auth.UserAddNoPassword, ""), etcderr.ErrUserEmpty},
		{"delete an unknown user", of1(auth.UserDelete, "nobody"), etcderr.ErrUserNotFound},
		{"delete a user without a name", of1(auth.UserDelete, ""), etcderr.ErrUserNotFound},
		{"get an unknown user", of1(auth.UserGet, "nobody"), etcderr.ErrUserNotFound},
		{"get a user without a name", of1(auth.UserGet, ""), etcderr.ErrUserNotFound},
		{"change the password of an unknown user", of2(auth.UserChangePassword, "nobody", password), etcderr.ErrUserNotFound},
		{"change the password of a user without a name", of2(auth.UserChangePassword, "", password), etcderr.ErrUserNotFound},
		{"grant to an unknown user", of2(auth.UserGrantRole, "nobody", role), etcderr.ErrUserNotFound},
		{"grant an unknown role", of2(auth.UserGrantRole, user, "none"), etcderr.ErrRoleNotFound},
		{"grant a role without a name", of2(auth.UserGrantRole, user, ""), etcderr.ErrRoleNotFound},
		{"revoke from an unknown user", of2(auth.UserRevokeRole, "nobody", role), etcderr.ErrUserNotFound},
		{"revoke a role that is not granted", of2(auth.UserRevokeRole, user, role), etcderr.ErrRoleNotGranted},
		{"revoke an unknown role", of2(auth.UserRevokeRole, user, "none"), etcderr.ErrRoleNotGranted},
		{"add a role that is there", of1(auth.RoleAdd, role), etcderr.ErrRoleAlreadyExist},
		{"add a role without a name", of1(auth.RoleAdd, ""), etcderr.ErrRoleEmpty},
		{"get an unknown role", of1(auth.RoleGet, "none"), etcderr.ErrRoleNotFound},
		{"delete an unknown role", of1(auth.RoleDelete, "none"), etcderr.ErrRoleNotFound},
		{"grant a permission to an unknown role", grant("none", "k", "", authpb.Permission_READ), etcderr.ErrRoleNotFound},
		{"revoke a permission of an unknown role", revoke("none", "k", ""), etcderr.ErrRoleNotFound},
		{"revoke a permission for another range", revoke(role, "a", "b"), etcderr.ErrPermissionNotGranted},
		{"revoke a permission for a key of the range", revoke(role, "a", ""), etcderr.ErrPermissionNotGranted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.call(t.Context(), c)
			wantFailure(t, err, etcderr.Rejected, tt.want)
			checkSecret(t, err, password)
			var e *etcderr.Error
			if errors.As(err, &e) && (!strings.HasPrefix(e.Method(), "/etcdserverpb.Auth/") || e.Endpoint() == "" || e.SafeToRetry()) {
				t.Errorf("method %q at %q, safe to retry %v", e.Method(), e.Endpoint(), e.SafeToRetry())
			}
		})
	}
}

// checkSecret checks that an error does not show a password in any printed form.
func checkSecret(t *testing.T, err error, secret string) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if text := fmt.Sprintf(verb, err); strings.Contains(text, secret) {
				t.Errorf("%s tells the password: %s", verb, text)
			}
		}
	}
}
