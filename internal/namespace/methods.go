// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"strings"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// translations says what becomes of the messages of each RPC that a namespace has. nil stands for messages without keys, which
// pass unchanged: a lease is the cluster's.
var translations = map[string]translation{
	pb.KV_Range_FullMethodName:       translate(rangeRequest, rangeAnswer),
	pb.KV_RangeStream_FullMethodName: translate(rangeRequest, rangePiece),
	pb.KV_Put_FullMethodName:         translate(putRequest, putAnswer),
	pb.KV_DeleteRange_FullMethodName: translate(deleteRequest, deleteAnswer),
	pb.KV_Txn_FullMethodName:         translate(txnRequest, txnAnswer),

	pb.Watch_Watch_FullMethodName: translate(watchRequest, watchAnswer),

	pb.Lease_LeaseGrant_FullMethodName:      nil,
	pb.Lease_LeaseRevoke_FullMethodName:     nil,
	pb.Lease_LeaseKeepAlive_FullMethodName:  nil,
	pb.Lease_LeaseTimeToLive_FullMethodName: translate(timeToLiveRequest, timeToLiveAnswer),
	pb.Lease_LeaseLeases_FullMethodName:     nil,

	v3lockpb.Lock_Lock_FullMethodName:   translate(lockRequest, lockAnswer),
	v3lockpb.Lock_Unlock_FullMethodName: translate(unlockRequest, unlockAnswer),

	v3electionpb.Election_Campaign_FullMethodName: translate(campaignRequest, campaignAnswer),
	v3electionpb.Election_Proclaim_FullMethodName: translate(proclaimRequest, proclaimAnswer),
	v3electionpb.Election_Leader_FullMethodName:   translate(leaderRequest, leaderAnswer),
	v3electionpb.Election_Observe_FullMethodName:  translate(leaderRequest, leaderAnswer),
	v3electionpb.Election_Resign_FullMethodName:   translate(resignRequest, resignAnswer),
}

// refusals are the RPCs that concern the whole cluster. A namespace refuses any other unknown RPC too, because it may take a key.
var refusals = map[string]bool{
	pb.KV_Compact_FullMethodName: true,

	pb.Cluster_MemberAdd_FullMethodName:     true,
	pb.Cluster_MemberRemove_FullMethodName:  true,
	pb.Cluster_MemberUpdate_FullMethodName:  true,
	pb.Cluster_MemberList_FullMethodName:    true,
	pb.Cluster_MemberPromote_FullMethodName: true,

	pb.Maintenance_Alarm_FullMethodName:      true,
	pb.Maintenance_Status_FullMethodName:     true,
	pb.Maintenance_Defragment_FullMethodName: true,
	pb.Maintenance_Hash_FullMethodName:       true,
	pb.Maintenance_HashKV_FullMethodName:     true,
	pb.Maintenance_Snapshot_FullMethodName:   true,
	pb.Maintenance_MoveLeader_FullMethodName: true,
	pb.Maintenance_Downgrade_FullMethodName:  true,

	pb.Auth_AuthEnable_FullMethodName:           true,
	pb.Auth_AuthDisable_FullMethodName:          true,
	pb.Auth_AuthStatus_FullMethodName:           true,
	pb.Auth_Authenticate_FullMethodName:         true,
	pb.Auth_UserAdd_FullMethodName:              true,
	pb.Auth_UserGet_FullMethodName:              true,
	pb.Auth_UserList_FullMethodName:             true,
	pb.Auth_UserDelete_FullMethodName:           true,
	pb.Auth_UserChangePassword_FullMethodName:   true,
	pb.Auth_UserGrantRole_FullMethodName:        true,
	pb.Auth_UserRevokeRole_FullMethodName:       true,
	pb.Auth_RoleAdd_FullMethodName:              true,
	pb.Auth_RoleGet_FullMethodName:              true,
	pb.Auth_RoleList_FullMethodName:             true,
	pb.Auth_RoleDelete_FullMethodName:           true,
	pb.Auth_RoleGrantPermission_FullMethodName:  true,
	pb.Auth_RoleRevokePermission_FullMethodName: true,
}

// Space is the part of the key space that has a prefix. It does not change, so it is safe for concurrent use.
type Space struct {
	keys         *keyspace
	translations map[string]*within // those of translations, for this space
}

// New returns the space of the keys with a prefix, for the connection of that name. The prefix must not be empty.
func New(name, prefix string) Space {
	s := Space{newKeyspace(name, prefix), map[string]*within{}}
	for method, t := range translations {
		if t != nil {
			s.translations[method] = &within{s.keys, t}
		}
	}
	return s
}

// Kind is what a namespace does with an RPC.
type Kind uint8

// The kinds of RPCs.
const (
	Unknown    Kind = iota // refused, because it may take a key
	Refused                // it concerns the whole cluster
	Unchanged              // its messages name no key
	Translated             // its messages name keys
)

// KindOf returns the kind of the RPC with that path.
func KindOf(method string) Kind {
	t, has := translations[method]
	switch {
	case has && t == nil:
		return Unchanged
	case has:
		return Translated
	case refusals[method]:
		return Refused
	default:
		return Unknown
	}
}

// Translation is what becomes of the messages of one RPC in a namespace.
type Translation = interface {
	// Request returns the message to send for a request of the user. It does not change the user's message. It returns an error that
	// is ctx.ErrInvalid for a message that it cannot translate.
	Request(message any) (any, error)
	// Answer returns the message to receive an answer into, for the user's message. That may be the same one.
	Answer(message any) (any, error)
	// Received completes the user's message with an answer that was received into the message of Answer.
	Received(answer, message any) error
}

// Translation returns what becomes of the messages of an RPC, or nil if they pass unchanged. It returns an error that is
// ctx.ErrInvalid for an RPC that the namespace refuses.
func (s Space) Translation(method string) (Translation, error) {
	if t, ok := s.translations[method]; ok {
		return t, nil
	}
	switch KindOf(method) {
	case Unchanged:
		return nil, nil
	case Refused:
		return nil, s.keys.invalid("refuses %s, which concerns the whole cluster", short(method))
	default:
		return nil, s.keys.invalid("refuses %s, which it does not know", short(method))
	}
}

// Prefix returns what every key of the namespace begins with.
func (s Space) Prefix() string { return s.keys.prefix }

// short returns the path of an RPC without the package of its service.
func short(method string) string {
	service, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return tell.Short(tell.Line(service[strings.LastIndexByte(service, '.')+1:] + "/" + name))
}

// within is a translation for the keys of one space.
type within struct {
	keys *keyspace
	translation
}

func (w *within) Request(message any) (any, error) { return w.request(w.keys, message) }

func (w *within) Answer(message any) (any, error) { return w.answer(w.keys, message) }

func (w *within) Received(answer, message any) error { return w.received(w.keys, answer, message) }
