// SPDX-License-Identifier: Apache-2.0

package ctx

import "github.com/eetcd-go/eetcd/gen/v3lockpb"

// LockRequest renders the request for /v3lockpb.Lock/Lock, or returns an [*InvalidError]. It takes
// WithName and WithLease.
func (c Ctx) LockRequest() (*v3lockpb.LockRequest, error) {
	if err := c.check("a lock request", optName|optLease); err != nil {
		return nil, err
	}
	return &v3lockpb.LockRequest{
		Name:  []byte(c.name),
		Lease: c.lease,
	}, nil
}

// UnlockRequest renders the request for /v3lockpb.Lock/Unlock, or returns an [*InvalidError]. It takes WithKey, with
// the key from the response of the lock.
func (c Ctx) UnlockRequest() (*v3lockpb.UnlockRequest, error) {
	if err := c.check("an unlock request", optKey); err != nil {
		return nil, err
	}
	return &v3lockpb.UnlockRequest{Key: []byte(c.key)}, nil
}
