// SPDX-License-Identifier: Apache-2.0

// Package cluster lists and changes the members of an etcd cluster.
//
//	c := cluster.New("registry")
//	list, err := cluster.MemberList(ctx, c)
//	for _, m := range list.GetMembers() {
//		fmt.Printf("%x %s %v\n", m.GetID(), m.GetName(), m.GetClientURLs())
//	}
//	added, err := cluster.MemberAddAsLearner(ctx, c, "http://10.0.0.4:2380")
//	// start the new member, with --initial-cluster-state=existing; then, once it has caught up:
//	_, err = cluster.MemberPromote(ctx, c, added.GetMember().GetID())
//
// Every function is safe for concurrent use. It takes WithTimeout and WithEndpoint, and other options only where it says so.
// A call ends at the deadline of its context or after WithTimeout, whichever is earlier. When neither is set, it ends after
// 5 s. It returns kv.ErrInvalid, an error of package conn, or an *etcderr.Error. A change that may have been made is not sent
// again. If its outcome is etcderr.Unknown, look at MemberList.
//
// While auth is on, changes need the role root, and MemberList needs a user. Other users get etcderr.ErrPermissionDenied, and a
// request without a user etcderr.ErrUserEmpty.
//
// A member refuses changes that might cost the cluster its quorum, unless it runs with --strict-reconfig-check=false. The
// error is etcderr.ErrMemberNotEnoughStarted if too many voters have not been started yet. It is etcderr.ErrUnhealthy if
// the member that was asked has not been connected to enough voters for the last 5 s.
//
// Its counterpart in eetcd is the module eetcd_cluster: see docs/eetcd.md.
package cluster

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in
// every package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// MemberList lists the voting members and the learners. The list is linearizable. With WithSerializable a single member
// answers from its own copy, which may be old but needs no quorum. Servers before 3.5 always answer in this way. A
// member that has not started yet has no name and no client URLs. It calls Cluster/MemberList.
func MemberList(parent context.Context, c Request) (*pb.MemberListResponse, error) {
	if err := render.Check(c, "a member list request", sealed.OptSerializable); err != nil {
		return nil, err
	}
	return wire.Cluster.MemberList.Call(parent, c,
		&pb.MemberListRequest{Linearizable: !sealed.Ctx(c).Serializable()})
}

// MemberAdd adds a voting member with these peer URLs. Start it afterwards, with the initial cluster from the response.
// It counts for the quorum at once: a cluster of one accepts no write until the second member has started. A URL has
// the form http://host:port, https://host:port or unix://path. The error is etcderr.ErrMemberBadURLs if there is no URL
// or one has another form. It is etcderr.ErrPeerURLExist if another member has one of the URLs. It is
// etcderr.ErrMemberNotEnoughStarted or etcderr.ErrUnhealthy if the change might cost the quorum. It calls
// Cluster/MemberAdd.
func MemberAdd(parent context.Context, c Request, peerURLs ...string) (*pb.MemberAddResponse, error) {
	return add(parent, c, &pb.MemberAddRequest{PeerURLs: peerURLs})
}

// MemberAddAsLearner adds a member that receives all data and has no vote until [MemberPromote]. A cluster has a
// maximum number of learners, 1 by default. One more is etcderr.ErrTooManyLearners. The other errors are those of
// [MemberAdd]. It calls Cluster/MemberAdd.
func MemberAddAsLearner(parent context.Context, c Request, peerURLs ...string) (*pb.MemberAddResponse, error) {
	return add(parent, c, &pb.MemberAddRequest{PeerURLs: peerURLs, IsLearner: true})
}

func add(parent context.Context, c Request, request *pb.MemberAddRequest) (*pb.MemberAddResponse, error) {
	if err := render.Check(c, "a member add request", 0); err != nil {
		return nil, err
	}
	return wire.Cluster.MemberAdd.Call(parent, c, request)
}

// MemberRemove removes a member. Its process ends, and its ID is never used again. An unknown ID is
// etcderr.ErrMemberNotFound. A change that might cost the quorum, such as the removal of the last member, is
// etcderr.ErrMemberNotEnoughStarted or etcderr.ErrUnhealthy. It calls Cluster/MemberRemove.
func MemberRemove(parent context.Context, c Request, id uint64) (*pb.MemberRemoveResponse, error) {
	if err := render.Check(c, "a member remove request", 0); err != nil {
		return nil, err
	}
	return wire.Cluster.MemberRemove.Call(parent, c,
		&pb.MemberRemoveRequest{ID: id})
}

// MemberUpdate replaces the peer URLs of a member. A missing or malformed URL (see [MemberAdd]) is kv.ErrInvalid. The
// SDK checks this because servers do not: a bad URL would crash every other member at each start. An unknown ID is
// etcderr.ErrMemberNotFound, and the URL of another member etcderr.ErrPeerURLExist. Servers from before May 2026, and
// all of 3.4, list a learner as a voter after its update, and no longer promote it. It calls Cluster/MemberUpdate.
func MemberUpdate(parent context.Context, c Request, id uint64, peerURLs ...string) (*pb.MemberUpdateResponse, error) {
	const what = "a member update request"
	if err := checkPeerURLs(render.Check(c, what, 0), what, peerURLs); err != nil {
		return nil, err
	}
	return wire.Cluster.MemberUpdate.Call(parent, c,
		&pb.MemberUpdateRequest{ID: id, PeerURLs: peerURLs})
}

// MemberPromote gives a learner the right to vote. The error is etcderr.ErrMemberLearnerNotReady if the learner has not
// started, or has not caught up with the leader. It is etcderr.ErrMemberNotLearner if the member votes already, and
// etcderr.ErrMemberNotEnoughStarted if too many voters have not started. An unknown ID is etcderr.ErrMemberNotFound. It
// calls Cluster/MemberPromote.
func MemberPromote(parent context.Context, c Request, id uint64) (*pb.MemberPromoteResponse, error) {
	if err := render.Check(c, "a member promote request", 0); err != nil {
		return nil, err
	}
	return wire.Cluster.MemberPromote.Call(parent, c,
		&pb.MemberPromoteRequest{ID: id})
}
