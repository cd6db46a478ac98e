// SPDX-License-Identifier: Apache-2.0

// Package lease grants leases, keeps them alive and revokes them: keys attached to a lease live as long as it does.
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
// All functions are safe for concurrent use. They take the connection, and where wanted WithTimeout and WithEndpoint,
// from an immutable [Request], and return:
//
//   - kv.ErrInvalid for a request that makes no sense, with every conflict in it, before anything is sent;
//   - conn.ErrNotOpen for a request bound to no open connection, conn.ErrUnavailable while no endpoint is Active,
//     conn.ErrEndpoint for WithEndpoint of an unknown one;
//   - an [*etcderr.Error] otherwise, with the server's own answer as a sentinel such as [etcderr.ErrLeaseNotFound], and
//     what is known of the effect: see [etcderr.OutcomeOf].
//
// A call ends at the deadline of its context or of WithTimeout, whichever is earlier. Where neither is set it ends after 5 s,
// or after the time of conn.WithDefaultTimeout. The context of KeepAlive is that of the Keeper, so only WithTimeout counts there.
//
// Its counterpart in eetcd is the module eetcd_lease: see docs/eetcd.md.
package lease

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/wire/leasettl"
	"github.com/eetcd-go/eetcd/internal/wire/unary"
)

// Request is what the functions of this package take: an immutable value that [New] begins and its With methods refine. It is
// the same type in every package of the SDK, so a request may be handed from one to another.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Grant creates a lease that expires when it has not been renewed for ttl. The server counts in whole seconds, so ttl is
// rounded up to them, and raises what is below its minimum (2 s by default): TTL of the response is what counts. The
// server chooses the ID unless WithLease does.
//
// With an ID that nobody else uses, such as a random one, Grant can be repeated where its outcome is Unknown: ErrLeaseExist
// then means that an earlier attempt has granted the lease. Without WithLease a lease whose grant got no answer may live
// for its TTL.
//
// A ttl below 1 ms is kv.ErrInvalid: it lacks its unit. One above 9 000 000 000 s is [etcderr.ErrLeaseTTLTooLarge], an
// ID in use is [etcderr.ErrLeaseExist]. It calls Lease/LeaseGrant.
func Grant(parent context.Context, c Request, ttl time.Duration) (*pb.LeaseGrantResponse, error) {
	err := c.Check("a lease grant request", ctx.OptLease)
	if err = leasettl.Check(err, "lease", ttl); err != nil {
		return nil, err
	}
	seconds := int64(ttl / time.Second)
	if ttl%time.Second > 0 {
		seconds++
	}
	request := &pb.LeaseGrantRequest{ID: c.Lease(), TTL: seconds}
	return unary.Call[pb.LeaseGrantResponse](parent, c, pb.Lease_LeaseGrant_FullMethodName, request)
}

// Revoke ends a lease and deletes the keys attached to it. The Keepers of the lease end with its next renewal. A lease
// that is gone already is [etcderr.ErrLeaseNotFound]. It calls Lease/LeaseRevoke.
func Revoke(parent context.Context, c Request, id int64) (*pb.LeaseRevokeResponse, error) {
	if err := c.Check("a lease revoke request", 0); err != nil {
		return nil, err
	}
	request := &pb.LeaseRevokeRequest{ID: id}
	return unary.Call[pb.LeaseRevokeResponse](parent, c, pb.Lease_LeaseRevoke_FullMethodName, request)
}

// TimeToLive returns the seconds that a lease has left (TTL) and was granted (GrantedTTL), and with withKeys the keys
// attached to it. A lease that is gone, or about to go, is [etcderr.ErrLeaseNotFound]; leaders of before 2022 may say so
// of one that another member has just granted. It calls Lease/LeaseTimeToLive.
func TimeToLive(parent context.Context, c Request, id int64, withKeys bool) (*pb.LeaseTimeToLiveResponse, error) {
	if err := c.Check("a lease time-to-live request", 0); err != nil {
		return nil, err
	}
	request := &pb.LeaseTimeToLiveRequest{ID: id, Keys: withKeys}
	response, err := unary.Call[pb.LeaseTimeToLiveResponse](parent, c, pb.Lease_LeaseTimeToLive_FullMethodName, request)
	if err == nil && response.TTL < 0 {
		return nil, notFound(pb.Lease_LeaseTimeToLive_FullMethodName, "")
	}
	return response, err
}

// Leases returns the IDs of all leases. It calls Lease/LeaseLeases.
func Leases(parent context.Context, c Request) (*pb.LeaseLeasesResponse, error) {
	if err := c.Check("a lease list request", 0); err != nil {
		return nil, err
	}
	return unary.Call[pb.LeaseLeasesResponse](parent, c, pb.Lease_LeaseLeases_FullMethodName, &pb.LeaseLeasesRequest{})
}
