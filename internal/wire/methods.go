// SPDX-License-Identifier: Apache-2.0

package wire

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

// The unary RPCs of etcd that this SDK calls, by service. What each of them allows, such as a retry, stands in
// internal/call/method.go.

// KV reads and writes keys.
var KV = struct {
	Range       Method[pb.RangeRequest, pb.RangeResponse]
	Put         Method[pb.PutRequest, pb.PutResponse]
	DeleteRange Method[pb.DeleteRangeRequest, pb.DeleteRangeResponse]
	Txn         Method[pb.TxnRequest, pb.TxnResponse]
	Compact     Method[pb.CompactionRequest, pb.CompactionResponse]
}{
	Range:       pb.KV_Range_FullMethodName,
	Put:         pb.KV_Put_FullMethodName,
	DeleteRange: pb.KV_DeleteRange_FullMethodName,
	Txn:         pb.KV_Txn_FullMethodName,
	Compact:     pb.KV_Compact_FullMethodName,
}

// Lease grants and revokes leases.
var Lease = struct {
	LeaseGrant      Method[pb.LeaseGrantRequest, pb.LeaseGrantResponse]
	LeaseRevoke     Method[pb.LeaseRevokeRequest, pb.LeaseRevokeResponse]
	LeaseTimeToLive Method[pb.LeaseTimeToLiveRequest, pb.LeaseTimeToLiveResponse]
	LeaseLeases     Method[pb.LeaseLeasesRequest, pb.LeaseLeasesResponse]
}{
	LeaseGrant:      pb.Lease_LeaseGrant_FullMethodName,
	LeaseRevoke:     pb.Lease_LeaseRevoke_FullMethodName,
	LeaseTimeToLive: pb.Lease_LeaseTimeToLive_FullMethodName,
	LeaseLeases:     pb.Lease_LeaseLeases_FullMethodName,
}

// Cluster lists and changes members.
var Cluster = struct {
	MemberAdd     Method[pb.MemberAddRequest, pb.MemberAddResponse]
	MemberRemove  Method[pb.MemberRemoveRequest, pb.MemberRemoveResponse]
	MemberUpdate  Method[pb.MemberUpdateRequest, pb.MemberUpdateResponse]
	MemberList    Method[pb.MemberListRequest, pb.MemberListResponse]
	MemberPromote Method[pb.MemberPromoteRequest, pb.MemberPromoteResponse]
}{
	MemberAdd:     pb.Cluster_MemberAdd_FullMethodName,
	MemberRemove:  pb.Cluster_MemberRemove_FullMethodName,
	MemberUpdate:  pb.Cluster_MemberUpdate_FullMethodName,
	MemberList:    pb.Cluster_MemberList_FullMethodName,
	MemberPromote: pb.Cluster_MemberPromote_FullMethodName,
}

// Maintenance looks after members.
var Maintenance = struct {
	Alarm      Method[pb.AlarmRequest, pb.AlarmResponse]
	Status     Method[pb.StatusRequest, pb.StatusResponse]
	Defragment Method[pb.DefragmentRequest, pb.DefragmentResponse]
	Hash       Method[pb.HashRequest, pb.HashResponse]
	HashKV     Method[pb.HashKVRequest, pb.HashKVResponse]
	MoveLeader Method[pb.MoveLeaderRequest, pb.MoveLeaderResponse]
	Downgrade  Method[pb.DowngradeRequest, pb.DowngradeResponse]
}{
	Alarm:      pb.Maintenance_Alarm_FullMethodName,
	Status:     pb.Maintenance_Status_FullMethodName,
	Defragment: pb.Maintenance_Defragment_FullMethodName,
	Hash:       pb.Maintenance_Hash_FullMethodName,
	HashKV:     pb.Maintenance_HashKV_FullMethodName,
	MoveLeader: pb.Maintenance_MoveLeader_FullMethodName,
	Downgrade:  pb.Maintenance_Downgrade_FullMethodName,
}

// Auth manages users and roles. Authenticate is not here: the engine calls it by itself.
var Auth = struct {
	AuthEnable           Method[pb.AuthEnableRequest, pb.AuthEnableResponse]
	AuthDisable          Method[pb.AuthDisableRequest, pb.AuthDisableResponse]
	AuthStatus           Method[pb.AuthStatusRequest, pb.AuthStatusResponse]
	UserAdd              Method[pb.AuthUserAddRequest, pb.AuthUserAddResponse]
	UserGet              Method[pb.AuthUserGetRequest, pb.AuthUserGetResponse]
	UserList             Method[pb.AuthUserListRequest, pb.AuthUserListResponse]
	UserDelete           Method[pb.AuthUserDeleteRequest, pb.AuthUserDeleteResponse]
	UserChangePassword   Method[pb.AuthUserChangePasswordRequest, pb.AuthUserChangePasswordResponse]
	UserGrantRole        Method[pb.AuthUserGrantRoleRequest, pb.AuthUserGrantRoleResponse]
	UserRevokeRole       Method[pb.AuthUserRevokeRoleRequest, pb.AuthUserRevokeRoleResponse]
	RoleAdd              Method[pb.AuthRoleAddRequest, pb.AuthRoleAddResponse]
	RoleGet              Method[pb.AuthRoleGetRequest, pb.AuthRoleGetResponse]
	RoleList             Method[pb.AuthRoleListRequest, pb.AuthRoleListResponse]
	RoleDelete           Method[pb.AuthRoleDeleteRequest, pb.AuthRoleDeleteResponse]
	RoleGrantPermission  Method[pb.AuthRoleGrantPermissionRequest, pb.AuthRoleGrantPermissionResponse]
	RoleRevokePermission Method[pb.AuthRoleRevokePermissionRequest, pb.AuthRoleRevokePermissionResponse]
}{
	AuthEnable:           pb.Auth_AuthEnable_FullMethodName,
	AuthDisable:          pb.Auth_AuthDisable_FullMethodName,
	AuthStatus:           pb.Auth_AuthStatus_FullMethodName,
	UserAdd:              pb.Auth_UserAdd_FullMethodName,
	UserGet:              pb.Auth_UserGet_FullMethodName,
	UserList:             pb.Auth_UserList_FullMethodName,
	UserDelete:           pb.Auth_UserDelete_FullMethodName,
	UserChangePassword:   pb.Auth_UserChangePassword_FullMethodName,
	UserGrantRole:        pb.Auth_UserGrantRole_FullMethodName,
	UserRevokeRole:       pb.Auth_UserRevokeRole_FullMethodName,
	RoleAdd:              pb.Auth_RoleAdd_FullMethodName,
	RoleGet:              pb.Auth_RoleGet_FullMethodName,
	RoleList:             pb.Auth_RoleList_FullMethodName,
	RoleDelete:           pb.Auth_RoleDelete_FullMethodName,
	RoleGrantPermission:  pb.Auth_RoleGrantPermission_FullMethodName,
	RoleRevokePermission: pb.Auth_RoleRevokePermission_FullMethodName,
}

// Lock gives locks back. To take one waits on one member only, so package lock does that by itself.
var Lock = struct {
	Unlock Method[v3lockpb.UnlockRequest, v3lockpb.UnlockResponse]
}{
	Unlock: v3lockpb.Lock_Unlock_FullMethodName,
}

// Election is what a leader and its observers say and ask. Package election campaigns by itself, as package lock locks.
var Election = struct {
	Proclaim Method[v3electionpb.ProclaimRequest, v3electionpb.ProclaimResponse]
	Leader   Method[v3electionpb.LeaderRequest, v3electionpb.LeaderResponse]
	Resign   Method[v3electionpb.ResignRequest, v3electionpb.ResignResponse]
}{
	Proclaim: v3electionpb.Election_Proclaim_FullMethodName,
	Leader:   v3electionpb.Election_Leader_FullMethodName,
	Resign:   v3electionpb.Election_Resign_FullMethodName,
}
