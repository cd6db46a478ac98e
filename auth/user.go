// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"

	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// UserAdd adds a user without roles who authenticates by password, or by the common name of a TLS client certificate
// where the servers take those. The empty password is one like any other. Servers refuse a password of more than 72
// bytes, with code Unknown; old ones heed the first 72 only. A user of that name is etcderr.ErrUserAlreadyExist, an
// empty name etcderr.ErrUserEmpty. It calls Auth/UserAdd.
func UserAdd(parent context.Context, c Request, name, password string) (*pb.AuthUserAddResponse, error) {
	return call[pb.AuthUserAddResponse](parent, c, "a user add request", pb.Auth_UserAdd_FullMethodName,
		&pb.AuthUserAddRequest{Name: name, Password: password, Options: &authpb.UserAddOptions{}})
}

// UserAddNoPassword adds a user who can authenticate by the common name of a TLS client certificate only, whatever
// [UserChangePassword] is told. The errors are those of [UserAdd]. It calls Auth/UserAdd.
func UserAddNoPassword(parent context.Context, c Request, name string) (*pb.AuthUserAddResponse, error) {
	return call[pb.AuthUserAddResponse](parent, c, "a user add request", pb.Auth_UserAdd_FullMethodName,
		&pb.AuthUserAddRequest{Name: name, Options: &authpb.UserAddOptions{NoPassword: true}})
}

// UserDelete removes a user, whose tokens end at once. An unknown name is etcderr.ErrUserNotFound; root, while auth is
// on, is etcderr.ErrInvalidAuthMgmt. It calls Auth/UserDelete.
func UserDelete(parent context.Context, c Request, name string) (*pb.AuthUserDeleteResponse, error) {
	return call[pb.AuthUserDeleteResponse](parent, c, "a user delete request", pb.Auth_UserDelete_FullMethodName,
		&pb.AuthUserDeleteRequest{Name: name})
}

// UserGet lists the roles of a user, in alphabetical order. An unknown name is etcderr.ErrUserNotFound. It calls
// Auth/UserGet.
func UserGet(parent context.Context, c Request, name string) (*pb.AuthUserGetResponse, error) {
	return call[pb.AuthUserGetResponse](parent, c, "a user get request", pb.Auth_UserGet_FullMethodName,
		&pb.AuthUserGetRequest{Name: name})
}

// UserList lists the names of all users. It calls Auth/UserList.
func UserList(parent context.Context, c Request) (*pb.AuthUserListResponse, error) {
	return call[pb.AuthUserListResponse](parent, c, "a user list request", pb.Auth_UserList_FullMethodName,
		&pb.AuthUserListRequest{})
}

// UserChangePassword replaces the password of a user, whose tokens end at once: his next request is
// etcderr.ErrInvalidAuthToken. An empty one locks the user out, except on servers of 3.4. An unknown name is
// etcderr.ErrUserNotFound; passwords are limited as in [UserAdd]. It calls Auth/UserChangePassword.
func UserChangePassword(parent context.Context, c Request, name, password string) (*pb.AuthUserChangePasswordResponse, error) {
	return call[pb.AuthUserChangePasswordResponse](parent, c, "a user change password request",
		pb.Auth_UserChangePassword_FullMethodName, &pb.AuthUserChangePasswordRequest{Name: name, Password: password})
}

// UserGrantRole gives a role to a user, at once. To give what he has is no error. An unknown user is
// etcderr.ErrUserNotFound, an unknown role etcderr.ErrRoleNotFound. It calls Auth/UserGrantRole.
func UserGrantRole(parent context.Context, c Request, user, role string) (*pb.AuthUserGrantRoleResponse, error) {
	return call[pb.AuthUserGrantRoleResponse](parent, c, "a user grant role request", pb.Auth_UserGrantRole_FullMethodName,
		&pb.AuthUserGrantRoleRequest{User: user, Role: role})
}

// UserRevokeRole takes a role from a user, at once. A role that he does not have is etcderr.ErrRoleNotGranted, an
// unknown user etcderr.ErrUserNotFound; root's role root, while auth is on, is etcderr.ErrInvalidAuthMgmt. It calls
// Auth/UserRevokeRole.
func UserRevokeRole(parent context.Context, c Request, user, role string) (*pb.AuthUserRevokeRoleResponse, error) {
	return call[pb.AuthUserRevokeRoleResponse](parent, c, "a user revoke role request", pb.Auth_UserRevokeRole_FullMethodName,
		&pb.AuthUserRevokeRoleRequest{Name: user, Role: role})
}
