// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Lock renders the request for /v3lockpb.Lock/Lock, or returns an [*ctx.InvalidError]. It takes
// WithName and WithLease.
func Lock(c ctx.Ctx) (*v3lockpb.LockRequest, error) {
	r := open(&c)
	if err := check(r, "a lock request", sealed.OptName|sealed.OptLease); err != nil {
		return nil, err
	}
	return &v3lockpb.LockRequest{
		Name:  []byte(r.Name),
		Lease: r.Lease,
	}, nil
}

// Unlock renders the request for /v3lockpb.Lock/Unlock, or returns an [*ctx.InvalidError]. It takes WithKey, with
// the key from the response of the lock.
func Unlock(c ctx.Ctx) (*v3lockpb.UnlockRequest, error) {
	r := open(&c)
	if err := check(r, "an unlock request", sealed.OptKey); err != nil {
		return nil, err
	}
	return &v3lockpb.UnlockRequest{Key: []byte(r.Key)}, nil
}
