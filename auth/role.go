// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// RoleAdd adds a role without permissions. A role of that name is etcderr.ErrRoleAlreadyExist, an empty name
// etcderr.ErrRoleEmpty. The role root, which allows everything, can be granted without having been added. It calls
// Auth/RoleAdd.
func RoleAdd(parent context.Context, c Request, role string) (*pb.AuthRoleAddResponse, error) {
	return call[pb.AuthRoleAddResponse](parent, c, "a role add request", pb.Auth_RoleAdd_FullMethodName,
		&pb.AuthRoleAddRequest{Name: role})
}

// RoleGet lists the permissions of a role, in the order of their keys. An unknown name is etcderr.ErrRoleNotFound. It
// calls Auth/RoleGet.
func RoleGet(parent context.Context, c Request, role string) (*pb.AuthRoleGetResponse, error) {
	return call[pb.AuthRoleGetResponse](parent, c, "a role get request", pb.Auth_RoleGet_FullMethodName,
		&pb.AuthRoleGetRequest{Role: role})
}

// RoleList lists the names of all roles. It calls Auth/RoleList.
func RoleList(parent context.Context, c Request) (*pb.AuthRoleListResponse, error) {
	return call[pb.AuthRoleListResponse](parent, c, "a role list request", pb.Auth_RoleList_FullMethodName,
		&pb.AuthRoleListRequest{})
}

// RoleDelete removes a role, also from the users who have it, who lose what it allows at once. An unknown name is
// etcderr.ErrRoleNotFound; root, while auth is on, is etcderr.ErrInvalidAuthMgmt. It calls Auth/RoleDelete.
func RoleDelete(parent context.Context, c Request, role string) (*pb.AuthRoleDeleteResponse, error) {
	return call[pb.AuthRoleDeleteResponse](parent, c, "a role delete request", pb.Auth_RoleDelete_FullMethodName,
		&pb.AuthRoleDeleteRequest{Role: role})
}

// RoleGrantPermission allows a role to read, write (and delete), or both, a key, or the keys from key up to rangeEnd:
// "" for the one key, kv.PrefixEnd(key) for those that start with it, "\x00" for it and all after it, so that "\x00"
// and "\x00" stand for all keys. It replaces the permission that the role has for exactly these keys; where the role
// has others that begin at the same key, revoke the old one first, since servers may keep both. An unknown role is
// etcderr.ErrRoleNotFound; no key, or a rangeEnd that is not after key, is etcderr.ErrInvalidAuthMgmt, where old
// servers keep a permission for nothing; a kind of permission that does not exist is kv.ErrInvalid. It calls
// Auth/RoleGrantPermission.
func RoleGrantPermission(parent context.Context, c Request, role, key, rangeEnd string, kind authpb.Permission_Type) (*pb.AuthRoleGrantPermissionResponse, error) {
	const what = "a role grant permission request"
	if _, known := authpb.Permission_Type_name[int32(kind)]; !known {
		return nil, ctx.AlsoInvalid(c.Check(what, 0), "auth: unknown permission type "+kind.String()+" in "+what)
	}
	return call[pb.AuthRoleGrantPermissionResponse](parent, c, what, pb.Auth_RoleGrantPermission_FullMethodName,
		&pb.AuthRoleGrantPermissionRequest{
			Name: role, Perm: &authpb.Permission{PermType: kind, Key: []byte(key), RangeEnd: []byte(rangeEnd)},
		})
}

// RoleRevokePermission takes from a role the permission for exactly these keys. One that it does not have is
// etcderr.ErrPermissionNotGranted, an unknown role is etcderr.ErrRoleNotFound. It calls Auth/RoleRevokePermission.
func RoleRevokePermission(parent context.Context, c Request, role, key, rangeEnd string) (*pb.AuthRoleRevokePermissionResponse, error) {
	return call[pb.AuthRoleRevokePermissionResponse](parent, c, "a role revoke permission request",
		pb.Auth_RoleRevokePermission_FullMethodName,
		&pb.AuthRoleRevokePermissionRequest{Role: role, Key: []byte(key), RangeEnd: []byte(rangeEnd)})
}
