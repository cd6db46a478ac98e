// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Put renders the request for /etcdserverpb.KV/Put, or returns an [*ctx.InvalidError]. It takes
// WithKey, WithValue, WithLease, WithIgnoreValue, WithIgnoreLease and WithPrevKV.
func Put(c ctx.Ctx) (*pb.PutRequest, error) {
	r := open(&c)
	const allowed = sealed.OptKey | sealed.OptValue | sealed.OptLease | sealed.OptIgnoreValue | sealed.OptIgnoreLease |
		sealed.OptPrevKV
	if err := check(r, "a put request", allowed); err != nil {
		return nil, err
	}
	// Key and value have separate allocations, because a caller that keeps one would keep both in memory.
	return &pb.PutRequest{
		Key:         []byte(r.Key),
		Value:       []byte(r.Value),
		Lease:       r.Lease,
		PrevKv:      r.Has(sealed.OptPrevKV),
		IgnoreValue: r.Has(sealed.OptIgnoreValue),
		IgnoreLease: r.Has(sealed.OptIgnoreLease),
	}, nil
}
