// SPDX-License-Identifier: Apache-2.0

package conn

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

// traits is what the retry policy must know of a method.
type traits uint8

const (
	// read: changes nothing, so it may be sent again whatever became of it, and to two members at once.
	read traits = 1 << iota
	// slow: may rightly take long, so its silence is no sign of trouble.
	slow
	// unbounded: waits for other clients by design, so it has no default deadline.
	unbounded
	// local: is about one member and works without a leader.
	local
)

// methods holds the methods that are not plain writes. What is not in it is taken for a write, which is the safe error.
var methods = map[string]traits{
	pb.KV_Range_FullMethodName:                  read,
	pb.Lease_LeaseTimeToLive_FullMethodName:     read,
	pb.Lease_LeaseLeases_FullMethodName:         read,
	pb.Cluster_MemberList_FullMethodName:        read,
	pb.Maintenance_Status_FullMethodName:        read | local,
	pb.Maintenance_Hash_FullMethodName:          read | local | slow,
	pb.Maintenance_HashKV_FullMethodName:        read | local | slow,
	pb.Maintenance_Defragment_FullMethodName:    local | slow,
	pb.Auth_AuthStatus_FullMethodName:           read,
	pb.Auth_UserGet_FullMethodName:              read,
	pb.Auth_UserList_FullMethodName:             read,
	pb.Auth_RoleGet_FullMethodName:              read,
	pb.Auth_RoleList_FullMethodName:             read,
	v3electionpb.Election_Leader_FullMethodName: read,

	v3lockpb.Lock_Lock_FullMethodName:             slow | unbounded,
	v3electionpb.Election_Campaign_FullMethodName: slow | unbounded,
}

func traitsOf(method string, request any) traits {
	if t, ok := methods[method]; ok {
		return t
	}
	switch r := request.(type) {
	case *pb.TxnRequest:
		if readOnly(r) {
			return read
		}
	case *pb.AlarmRequest:
		if r.GetAction() == pb.AlarmRequest_GET {
			return read
		}
	}
	return 0
}

// readOnly reports whether a transaction only reads, on both branches.
func readOnly(r *pb.TxnRequest) bool {
	for _, ops := range [2][]*pb.RequestOp{r.GetSuccess(), r.GetFailure()} {
		for _, op := range ops {
			switch op.GetRequest().(type) {
			case *pb.RequestOp_RequestRange:
			case *pb.RequestOp_RequestTxn:
				if !readOnly(op.GetRequestTxn()) {
					return false
				}
			default:
				return false
			}
		}
	}
	return true
}
