// SPDX-License-Identifier: Apache-2.0

package call

import (
	"google.golang.org/protobuf/proto"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/internal/codec"
)

// traits are the properties of a method on which the retry policy depends.
type traits uint8

const (
	// read: it changes nothing. So it may be sent again after any outcome, and to two members at once.
	read traits = 1 << iota
	// slow: it may take long, so its silence is no sign of trouble.
	slow
	// unbounded: it waits for other clients by design, or works on a whole database, so it has no default deadline.
	unbounded
	// local: it is about one member, and works without a leader.
	local
)

// write: it changes something. So it is sent again only where it had no effect, and to one member at a time.
const write traits = 0

// methods says what each unary RPC allows. A method of another protocol counts as a write, which is the safe error.
var methods = map[string]traits{
	pb.KV_Range_FullMethodName:       read,
	pb.KV_Put_FullMethodName:         write,
	pb.KV_DeleteRange_FullMethodName: write,
	pb.KV_Txn_FullMethodName:         write, // but see onlyReads
	pb.KV_Compact_FullMethodName:     write,

	pb.Lease_LeaseGrant_FullMethodName:      write,
	pb.Lease_LeaseRevoke_FullMethodName:     write,
	pb.Lease_LeaseTimeToLive_FullMethodName: read,
	pb.Lease_LeaseLeases_FullMethodName:     read,

	pb.Cluster_MemberAdd_FullMethodName:     write,
	pb.Cluster_MemberRemove_FullMethodName:  write,
	pb.Cluster_MemberUpdate_FullMethodName:  write,
	pb.Cluster_MemberList_FullMethodName:    read,
	pb.Cluster_MemberPromote_FullMethodName: write,

	pb.Maintenance_Alarm_FullMethodName:      write, // but see onlyReads
	pb.Maintenance_Status_FullMethodName:     read | local,
	pb.Maintenance_Defragment_FullMethodName: local | slow | unbounded,
	pb.Maintenance_Hash_FullMethodName:       read | local | slow | unbounded,
	pb.Maintenance_HashKV_FullMethodName:     read | local | slow | unbounded,
	pb.Maintenance_Snapshot_FullMethodName:   read | local | slow, // the one stream here: it is about one member
	pb.Maintenance_MoveLeader_FullMethodName: write,
	pb.Maintenance_Downgrade_FullMethodName:  write,

	pb.Auth_AuthEnable_FullMethodName:           write,
	pb.Auth_AuthDisable_FullMethodName:          write,
	pb.Auth_AuthStatus_FullMethodName:           read,
	pb.Auth_Authenticate_FullMethodName:         write,
	pb.Auth_UserAdd_FullMethodName:              write,
	pb.Auth_UserGet_FullMethodName:              read,
	pb.Auth_UserList_FullMethodName:             read,
	pb.Auth_UserDelete_FullMethodName:           write,
	pb.Auth_UserChangePassword_FullMethodName:   write,
	pb.Auth_UserGrantRole_FullMethodName:        write,
	pb.Auth_UserRevokeRole_FullMethodName:       write,
	pb.Auth_RoleAdd_FullMethodName:              write,
	pb.Auth_RoleGet_FullMethodName:              read,
	pb.Auth_RoleList_FullMethodName:             read,
	pb.Auth_RoleDelete_FullMethodName:           write,
	pb.Auth_RoleGrantPermission_FullMethodName:  write,
	pb.Auth_RoleRevokePermission_FullMethodName: write,

	v3lockpb.Lock_Lock_FullMethodName:   slow | unbounded,
	v3lockpb.Lock_Unlock_FullMethodName: write,

	v3electionpb.Election_Campaign_FullMethodName: slow | unbounded,
	v3electionpb.Election_Proclaim_FullMethodName: write,
	v3electionpb.Election_Leader_FullMethodName:   read,
	v3electionpb.Election_Resign_FullMethodName:   write,
}

func traitsOf(method string, request any) traits {
	t := methods[method]
	if t == write && onlyReads(method, request) {
		return read
	}
	return t
}

// onlyReads reports whether a request of a method that may write only reads.
func onlyReads(method string, request any) bool {
	switch method {
	case pb.KV_Txn_FullMethodName:
		r := ours[pb.TxnRequest](request)
		return r != nil && reads(r, func(*pb.RangeRequest) bool { return true })
	case pb.Maintenance_Alarm_FullMethodName:
		r := ours[pb.AlarmRequest](request)
		return r != nil && r.GetAction() == pb.AlarmRequest_GET
	default:
		return false
	}
}

// needsNoLeader reports whether a member serves a request even without a leader.
func needsNoLeader(method string, request any) bool {
	serializable := (*pb.RangeRequest).GetSerializable
	switch method {
	case pb.KV_Range_FullMethodName:
		return serializable(ours[pb.RangeRequest](request))
	case pb.KV_Txn_FullMethodName:
		r := ours[pb.TxnRequest](request)
		return r != nil && reads(r, serializable)
	case pb.Cluster_MemberList_FullMethodName:
		r := ours[pb.MemberListRequest](request)
		return r != nil && !r.GetLinearizable()
	default:
		return methods[method]&local != 0
	}
}

// ours returns a request as a message of this SDK. A program may use etcd's own stubs, whose messages have other Go
// types and the same wire format. It returns nil for any other message.
func ours[T any, M interface {
	*T
	proto.Message
}](request any) M {
	if m, ok := request.(M); ok {
		return m
	}
	wire, err := codec.Proto().Marshal(request)
	if err != nil {
		return nil
	}
	defer wire.Free()
	m := M(new(T))
	if proto.Unmarshal(wire.Materialize(), m) != nil {
		return nil
	}
	return m
}

// reads reports whether a transaction only reads, on both branches, and wanted accepts each of its reads.
func reads(r *pb.TxnRequest, wanted func(*pb.RangeRequest) bool) bool {
	for _, ops := range [2][]*pb.RequestOp{r.GetSuccess(), r.GetFailure()} {
		for _, op := range ops {
			switch op.GetRequest().(type) {
			case *pb.RequestOp_RequestRange:
				if !wanted(op.GetRequestRange()) {
					return false
				}
			case *pb.RequestOp_RequestTxn:
				if !reads(op.GetRequestTxn(), wanted) {
					return false
				}
			default:
				return false
			}
		}
	}
	return true
}
