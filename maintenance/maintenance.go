// SPDX-License-Identifier: Apache-2.0

// Package maintenance looks after the members of a cluster: status, alarms, defragmentation, hashes, the leader, the cluster's
// version, and snapshots.
//
//	c := maintenance.New("registry")
//	status, err := maintenance.Status(ctx, c.WithEndpoint("127.0.0.1:2379"))
//	err = maintenance.SaveSnapshot(ctx, c, "backup.db", func(done, total int64) {
//		fmt.Printf("%d of %d bytes\n", done, total)
//	})
//
// Every function is safe for concurrent use. Of the options it takes only WithTimeout and WithEndpoint. A function about
// one member needs WithEndpoint. Without it the error is kv.ErrInvalid. Otherwise a call returns an error of package conn,
// or an [*etcderr.Error].
//
// A call ends at the deadline of its context or after WithTimeout, whichever is earlier. When neither is set, it ends after 5 s.
// Defragment, Hash, HashKV and snapshots take longer for a larger database, so they have no default.
//
// While auth is on, these functions need a user with the role root. Otherwise they return [etcderr.ErrPermissionDenied].
// Status and AlarmList need any user. A request without a user is [etcderr.ErrUserEmpty]. Servers before 3.6 ask for less,
// and refuse some requests with code Unknown and a text of their own, such as "auth: permission denied".
//
// Its counterpart in eetcd is the module eetcd_maintenance: see docs/eetcd.md.
package maintenance

import (
	"context"
	"fmt"

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

// Status returns the state of the member at the request's endpoint: its version, the size of its database, its leader,
// its revision and raft indexes. Its Errors field lists what is wrong with the member, alarms included. It calls
// Maintenance/Status.
func Status(parent context.Context, c Request) (*pb.StatusResponse, error) {
	return onMember(parent, c, "a status request", wire.Maintenance.Status,
		&pb.StatusRequest{})
}

// Defragment returns the free pages of a member's database to the file system. It works on the member at the request's
// endpoint, which serves nothing meanwhile. So defragment one member after another. It has no default deadline. The
// server goes on if the caller gives up. It calls Maintenance/Defragment.
func Defragment(parent context.Context, c Request) (*pb.DefragmentResponse, error) {
	return onMember(parent, c, "a defragment request", wire.Maintenance.Defragment,
		&pb.DefragmentRequest{})
}

// HashKV returns a hash of the keys of the member at the request's endpoint, as of revision rev, or the latest for 0. A
// negative rev is kv.ErrInvalid. Compare the hashes of members that have compacted to the same revision, which is in
// the response. If they differ for the same rev, a member is corrupt. A rev below the compacted one is
// etcderr.ErrCompacted, and one that the member does not have yet etcderr.ErrFutureRev. It calls Maintenance/HashKV.
func HashKV(parent context.Context, c Request, rev int64) (*pb.HashKVResponse, error) {
	const what = "a hash kv request"
	if rev < 0 { // servers read it as 0
		return nil, render.AlsoInvalid(checkMember(c, what),
			fmt.Sprintf("maintenance: the revision %d is negative in %s", rev, what))
	}
	return onMember(parent, c, what, wire.Maintenance.HashKV, &pb.HashKVRequest{Revision: rev})
}

// Hash returns a hash of the whole database of the member at the request's endpoint. It is for tests of etcd: healthy
// members may have different hashes, so use [HashKV] to compare them. It calls Maintenance/Hash.
func Hash(parent context.Context, c Request) (*pb.HashResponse, error) {
	return onMember(parent, c, "a hash request", wire.Maintenance.Hash, &pb.HashRequest{})
}

// onMember sends a request about one member.
func onMember[Q, R any](parent context.Context, c ctx.Ctx, what string, method wire.Method[Q, R], request *Q) (*R, error) {
	if err := checkMember(c, what); err != nil {
		return nil, err
	}
	return method.Call(parent, c, request)
}

// checkMember reports what is wrong with a request about one member.
func checkMember(c ctx.Ctx, what string) error {
	err := render.Check(c, what, 0)
	if _, given := sealed.Ctx(c).Endpoint(); !given {
		err = render.AlsoInvalid(err, "maintenance: "+what+" needs WithEndpoint")
	}
	return err
}

// Downgrade prepares the cluster for servers of the minor version before its own, such as "3.6". The action VALIDATE
// only checks whether that is possible, ENABLE begins, and CANCEL ends it. A malformed version is
// [etcderr.ErrWrongDowngradeVersionFormat], and any other version than the one before
// [etcderr.ErrInvalidDowngradeTargetVersion]. VALIDATE or ENABLE during a downgrade is [etcderr.ErrDowngradeInProcess].
//
// CANCEL ignores the version. Without a downgrade, servers of 3.5 return [etcderr.ErrNoInflightDowngrade], and later
// ones succeed in any case: the DowngradeInfo of [Status] shows the result. Servers before 3.5 do not have downgrades,
// and the error's Code is Unimplemented. It calls Maintenance/Downgrade.
func Downgrade(parent context.Context, c Request, action pb.DowngradeRequest_DowngradeAction, version string) (
	*pb.DowngradeResponse, error,
) {
	const what = "a downgrade request"
	err := render.Check(c, what, 0)
	if _, known := pb.DowngradeRequest_DowngradeAction_name[int32(action)]; !known {
		err = render.AlsoInvalid(err, "maintenance: unknown action "+action.String()+" in "+what)
	}
	if err != nil {
		return nil, err
	}
	return wire.Maintenance.Downgrade.Call(parent, c,
		&pb.DowngradeRequest{Action: action, Version: version})
}

// within applies the request's timeout to all calls of a function together.
func within(parent context.Context, c ctx.Ctx) (context.Context, context.CancelFunc) {
	timeout, given := sealed.Ctx(c).Timeout()
	if !given || parent == nil { // the first call refuses a nil parent
		return parent, func() {}
	}
	return context.WithTimeout(parent, timeout)
}
