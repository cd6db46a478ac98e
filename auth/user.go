// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"

	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// UserAdd adds a user without roles. The user authenticates by password, or by the common name of a TLS client
// certificate if the servers accept those. An empty password is valid. Servers refuse a password of more than 72 bytes
// with code Unknown, and old servers ignore the rest. An existing name is etcderr.ErrUserAlreadyExist, an empty name
// etcderr.ErrUserEmpty. It calls Auth/UserAdd.
func UserAdd(parent context.Context, c Request, name, password string) (*pb.AuthUserAddResponse, error) {
	return call(parent, c, "a user add request", wire.Auth.UserAdd,
		&pb.AuthUserAddRequest{Name: name, Password: password, Options: &authpb.UserAddOptions{}})
}

// UserAddNoPassword adds a user that can authenticate only by the common name of a TLS client certificate, even after
// [UserChangePassword]. The errors are those of [UserAdd]. It calls Auth/UserAdd.
func UserAddNoPassword(parent context.Context, c Request, name string) (*pb.AuthUserAddResponse, error) {
	return call(parent, c, "a user add request", wire.Auth.UserAdd,
		&pb.AuthUserAddRequest{Name: name, Options: &authpb.UserAddOptions{NoPassword: true}})
}

// UserDelete deletes a user, and its tokens end at once. An unknown name is etcderr.ErrUserNotFound. While auth is on, the
// user root cannot be deleted: the error is etcderr.ErrInvalidAuthMgmt. It calls Auth/UserDelete.
func UserDelete(parent context.Context, c Request, name string) (*pb.AuthUserDeleteResponse, error) {
	return call(parent, c, "a user delete request", wire.Auth.UserDelete,
		&pb.AuthUserDeleteRequest{Name: name})
}

// UserGet returns the roles of a user, in alphabetical order. An unknown name is etcderr.ErrUserNotFound. It calls
// Auth/UserGet.
func UserGet(parent context.Context, c Request, name string) (*pb.AuthUserGetResponse, error) {
	return call(parent, c, "a user get request", wire.Auth.UserGet,
		&pb.AuthUserGetRequest{Name: name})
}

// UserList returns the names of all users. It calls Auth/UserList.
func UserList(parent context.Context, c Request) (*pb.AuthUserListResponse, error) {
	return call(parent, c, "a user list request", wire.Auth.UserList,
		&pb.AuthUserListRequest{})
}

// UserChangePassword replaces the password of a user. Its tokens end at once, and the next request with one is
// etcderr.ErrInvalidAuthToken. With an empty password the user cannot log in, except on servers of 3.4. An unknown name
// is etcderr.ErrUserNotFound. The length limit is that of [UserAdd]. It calls Auth/UserChangePassword.
func UserChangePassword(parent context.Context, c Request, name, password string) (*pb.AuthUserChangePasswordResponse, error) {
	return call(parent, c, "a user change password request", wire.Auth.UserChangePassword,
		&pb.AuthUserChangePasswordRequest{Name: name, Password: password})
}

// UserGrantRole gives a role to a user, with effect at once. It is no error if the user has it already. An unknown user
// is etcderr.ErrUserNotFound, an unknown role etcderr.ErrRoleNotFound. It calls Auth/UserGrantRole.
func UserGrantRole(parent context.Context, c Request, user, role string) (*pb.AuthUserGrantRoleResponse, error) {
	return call(parent, c, "a user grant role request", wire.Auth.UserGrantRole,
		&pb.AuthUserGrantRoleRequest{User: user, Role: role})
}

// UserRevokeRole takes a role from a user, with effect at once. If the user does not have it, the error is
// etcderr.ErrRoleNotGranted. An unknown user is etcderr.ErrUserNotFound. While auth is on, the role root cannot be taken
// from the user root: the error is etcderr.ErrInvalidAuthMgmt. It calls Auth/UserRevokeRole.
func UserRevokeRole(parent context.Context, c Request, user, role string) (*pb.AuthUserRevokeRoleResponse, error) {
	return call(parent, c, "a user revoke role request", wire.Auth.UserRevokeRole,
		&pb.AuthUserRevokeRoleRequest{Name: user, Role: role})
}
