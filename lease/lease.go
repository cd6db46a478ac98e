// SPDX-License-Identifier: Apache-2.0

// Package lease grants leases, keeps them alive and revokes them. A key that is attached to a lease lives as long as the lease.
//
//	granted, err := lease.Grant(ctx, base, 10*time.Second)
//	if err != nil {
//		return err
//	}
//	keeper, err := lease.KeepAlive(ctx, base, granted.ID)
//	if err != nil {
//		return err
//	}
//	defer keeper.Close()
//	_, err = kv.Put(ctx, base.WithKey("heartbeat:a").WithValue("10.0.0.1").WithLease(granted.ID))
//	<-keeper.Done() // the lease may be gone; keeper.Err says why
//
// All functions are safe for concurrent use. They take the connection from an immutable [Request], and a timeout and an endpoint
// where it has them (WithTimeout, WithEndpoint). They return:
//
//   - kv.ErrInvalid for a request with mistakes. It names each one, and nothing is sent.
//   - conn.ErrNotOpen for a request that is bound to no open connection.
//   - conn.ErrUnavailable if no endpoint has been Active for longer than the connection has patience (conn.WithPatience).
//   - conn.ErrEndpoint where WithEndpoint names an unknown endpoint.
//   - an [*etcderr.Error] for every other failure. errors.Is finds the server's answer in it, such as
//     [etcderr.ErrLeaseNotFound], and [etcderr.OutcomeOf] says whether the request took effect.
//
// A call ends at the deadline of its context or of WithTimeout, whichever is earlier. If neither is set, it ends after the
// default timeout of the connection: 5 s, unless conn.WithDefaultTimeout sets another. In KeepAlive the context bounds the
// Keeper, so only WithTimeout bounds the call.
//
// Its counterpart in eetcd is the module eetcd_lease: see docs/eetcd.md.
package lease

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
)

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in every
// package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Grant creates a lease that expires when it has not been renewed for ttl. The server counts in whole seconds, so ttl is rounded up
// to whole seconds. The server raises a ttl below its minimum, 2 s by default, so use the TTL of the response. WithLease chooses
// the ID of the lease. Without it the server chooses one.
//
// With WithLease and an ID that nobody else uses, such as a random number, Grant can be repeated where its outcome is Unknown.
// [etcderr.ErrLeaseExist] then means that an earlier attempt granted the lease. Without WithLease, a grant that got no answer may
// leave a lease behind for its TTL.
//
// A ttl below 1 ms is kv.ErrInvalid, because its unit is missing. A ttl above 9 000 000 000 s is [etcderr.ErrLeaseTTLTooLarge], and
// an ID in use is [etcderr.ErrLeaseExist]. It calls Lease/LeaseGrant.
func Grant(parent context.Context, c Request, ttl time.Duration) (*pb.LeaseGrantResponse, error) {
	err := render.Check(c, "a lease grant request", sealed.OptLease)
	if err = leasettl.Check(err, "lease", ttl); err != nil {
		return nil, err
	}
	seconds := int64(ttl / time.Second)
	if ttl%time.Second > 0 {
		seconds++
	}
	request := &pb.LeaseGrantRequest{ID: sealed.Ctx(c).Lease(), TTL: seconds}
	return wire.Lease.LeaseGrant.Call(parent, c, request)
}

// Revoke ends a lease and deletes the keys that are attached to it. The Keepers of the lease end at its next renewal. A lease that
// is gone already is [etcderr.ErrLeaseNotFound]. It calls Lease/LeaseRevoke.
func Revoke(parent context.Context, c Request, id int64) (*pb.LeaseRevokeResponse, error) {
	if err := render.Check(c, "a lease revoke request", 0); err != nil {
		return nil, err
	}
	request := &pb.LeaseRevokeRequest{ID: id}
	return wire.Lease.LeaseRevoke.Call(parent, c, request)
}

// TimeToLive returns how many seconds a lease has left (TTL) and how many it was granted (GrantedTTL). With withKeys it also
// returns the keys that are attached to the lease. A lease that is gone, or that expires at this moment, is
// [etcderr.ErrLeaseNotFound]. etcd servers released before 2022 may also answer so for a lease that another member has just
// granted. It calls Lease/LeaseTimeToLive.
func TimeToLive(parent context.Context, c Request, id int64, withKeys bool) (*pb.LeaseTimeToLiveResponse, error) {
	if err := render.Check(c, "a lease time-to-live request", 0); err != nil {
		return nil, err
	}
	request := &pb.LeaseTimeToLiveRequest{ID: id, Keys: withKeys}
	response, err := wire.Lease.LeaseTimeToLive.Call(parent, c, request)
	if err == nil && response.TTL < 0 {
		return nil, notFound(pb.Lease_LeaseTimeToLive_FullMethodName, "")
	}
	return response, err
}

// Leases returns the IDs of all leases. It calls Lease/LeaseLeases.
func Leases(parent context.Context, c Request) (*pb.LeaseLeasesResponse, error) {
	if err := render.Check(c, "a lease list request", 0); err != nil {
		return nil, err
	}
	return wire.Lease.LeaseLeases.Call(parent, c, &pb.LeaseLeasesRequest{})
}
