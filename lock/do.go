// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/claim"
)

// ErrLost says that a lock is not held any more, or may not be: its lease ended, or its key is gone. It comes wrapped
// together with the reason.
var ErrLost = errors.New("lock: lost")

// Held is a lock that is held. Rev is the create revision of its key, which grows from holder to holder.
type Held struct {
	Key   string
	Rev   int64
	Lease int64
}

// Guard is the fence for a transaction: it is true as long as this holder has the lock.
func (h Held) Guard() compare.Compare { return claim.Held(h).Guard() }

// Do takes the lock of WithName with a lease of its own, runs f, and gives the lock up. held is cancelled with parent, and
// when the lock is lost; context.Cause then is [ErrLost] with the reason. The lock is kept until f returns, whatever
// becomes of parent, and given up however f ends, by a panic too, by a revocation of the lease that is tried for 5 s. A
// process that dies, or whose revocation fails, gives it up after ttl.
//
// It returns the error of f, joined with ErrLost if the lock was lost meanwhile, or why there was no lock. parent and
// WithTimeout bound the wait for it. The ttl is that of lease.Grant: whole seconds, rounded up, at least some 2 s; it is
// how long others wait for the lock of a process that died. eetcd has no counterpart.
func Do(parent context.Context, c ctx.Ctx, ttl time.Duration, f func(held context.Context, l Held) error) error {
	err := c.Check("a lock.Do request", ctx.OptName)
	if c.Name() == "" {
		err = ctx.AlsoInvalid(err, "lock: lock.Do needs WithName")
	}
	if ttl <= 0 {
		err = ctx.AlsoInvalid(err, fmt.Sprintf("lock: a TTL of %v is not positive", ttl))
	}
	if f == nil {
		err = ctx.AlsoInvalid(err, "lock: there is no function to run")
	}
	if parent == nil {
		err = ctx.AlsoInvalid(err, "lock: the parent context is nil")
	}
	if err != nil {
		return err
	}
	to := c.Unbound().WithConn(c.Conn())
	if endpoint, ok := c.Endpoint(); ok {
		to = to.WithEndpoint(endpoint)
	}
	return claim.Holding{
		Request: c, TTL: ttl, Lost: ErrLost,
		Acquire: func(waiting context.Context, lease int64) (string, error) {
			response, err := Lock(waiting, to.WithLease(lease))
			return string(response.GetKey()), err
		},
	}.While(parent, func(held context.Context, h claim.Held) error { return f(held, Held(h)) })
}
