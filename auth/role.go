// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"

	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// RoleAdd adds a role without permissions. An existing name is etcderr.ErrRoleAlreadyExist, an empty name
// etcderr.ErrRoleEmpty. The role root, which allows everything, can be granted without RoleAdd. It calls Auth/RoleAdd.
func RoleAdd(parent context.Context, c Request, role string) (*pb.AuthRoleAddResponse, error) {
	return call(parent, c, "a role add request", wire.Auth.RoleAdd,
		&pb.AuthRoleAddRequest{Name: role})
}

// RoleGet returns the permissions of a role, in the order of their keys. An unknown name is etcderr.ErrRoleNotFound. It
// calls Auth/RoleGet.
func RoleGet(parent context.Context, c Request, role string) (*pb.AuthRoleGetResponse, error) {
	return call(parent, c, "a role get request", wire.Auth.RoleGet,
		&pb.AuthRoleGetRequest{Role: role})
}

// RoleList returns the names of all roles. It calls Auth/RoleList.
func RoleList(parent context.Context, c Request) (*pb.AuthRoleListResponse, error) {
	return call(parent, c, "a role list request", wire.Auth.RoleList,
		&pb.AuthRoleListRequest{})
}

// RoleDelete deletes a role, and takes it from all its users at once. An unknown name is etcderr.ErrRoleNotFound. While
// auth is on, the role root cannot be deleted: the error is etcderr.ErrInvalidAuthMgmt. It calls Auth/RoleDelete.
func RoleDelete(parent context.Context, c Request, role string) (*pb.AuthRoleDeleteResponse, error) {
	return call(parent, c, "a role delete request", wire.Auth.RoleDelete,
		&pb.AuthRoleDeleteRequest{Role: role})
}

// RoleGrantPermission allows a role to read, write (and delete), or both, the keys from key up to rangeEnd. An empty
// rangeEnd means key alone. kv.PrefixEnd(key) means all keys that start with key. "\x00" means key and all keys after it,
// so "\x00" for both means all keys.
//
// It replaces the role's permission for exactly these keys. If the role has another permission that begins at the same key,
// revoke that first, since servers may keep both. An unknown role is etcderr.ErrRoleNotFound. An empty key, or a rangeEnd
// that is not after key, is etcderr.ErrInvalidAuthMgmt. Old servers accept it, and the permission has no effect. An unknown
// kind of permission is kv.ErrInvalid. It calls Auth/RoleGrantPermission.
func RoleGrantPermission(parent context.Context, c Request, role, key, rangeEnd string, kind authpb.Permission_Type) (
	*pb.AuthRoleGrantPermissionResponse, error,
) {
	const what = "a role grant permission request"
	if _, known := authpb.Permission_Type_name[int32(kind)]; !known {
		return nil, render.AlsoInvalid(render.Check(c, what, 0), "auth: unknown permission type "+kind.String()+" in "+what)
	}
	return call(parent, c, what, wire.Auth.RoleGrantPermission,
		&pb.AuthRoleGrantPermissionRequest{
			Name: role, Perm: &authpb.Permission{PermType: kind, Key: []byte(key), RangeEnd: []byte(rangeEnd)},
		})
}

// RoleRevokePermission takes from a role the permission for exactly these keys. If the role has no such permission, the
// error is etcderr.ErrPermissionNotGranted. An unknown role is etcderr.ErrRoleNotFound. It calls Auth/RoleRevokePermission.
func RoleRevokePermission(parent context.Context, c Request, role, key, rangeEnd string) (
	*pb.AuthRoleRevokePermissionResponse, error,
) {
	return call(parent, c, "a role revoke permission request", wire.Auth.RoleRevokePermission,
		&pb.AuthRoleRevokePermissionRequest{Role: role, Key: []byte(key), RangeEnd: []byte(rangeEnd)})
}
