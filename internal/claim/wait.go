// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/unary"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/op"
)

// Wait sends the request that puts the key of a name and a lease, and that the server answers when its turn has come. It
// gives up with parent, at the timeout of c, and when the lease ends, which the server itself would not notice as long as
// an older key is there. Who gives up leaves no key behind that this call has put.
func Wait[Response any](parent context.Context, c ctx.Ctx, name string, id int64, method string, request any) (*Response, error) {
	waiting, stop := bounded(parent, c)
	defer stop()
	to := base(c)
	key := keyOf(name, id)
	// A key that is there already is not for this call to take away.
	before, err := kv.Get(waiting, to.WithKey(key).WithCountOnly())
	if err != nil {
		return nil, err
	}
	alive, end := context.WithCancelCause(waiting)
	var checks sync.WaitGroup
	checks.Go(func() { end(checkLease(alive, to, id)) })
	response, err := unary.Call[Response](alive, to, method, request)
	end(nil)
	checks.Wait()
	if err != nil && etcderr.OutcomeOf(err) != etcderr.NotSent {
		withdraw(parent, c.Conn(), key, id, before.GetHeader().GetRevision())
	}
	return response, err
}

// How often a waiter looks whether its lease is still there.
const (
	checkMin = 500 * time.Millisecond
	checkMax = 2 * time.Second
)

// checkLease returns when the lease has ended, with the error that says so, or when alive ends, with nil.
func checkLease(alive context.Context, to ctx.Ctx, id int64) error {
	for pause := checkMin; sleep(alive, pause); {
		left, err := lease.TimeToLive(alive, to, id, false)
		if errors.Is(err, etcderr.ErrLeaseNotFound) {
			return err
		}
		pause = checkMin
		if err == nil {
			pause = min(max(time.Duration(left.GetTTL())*time.Second, checkMin), checkMax)
		}
	}
	return nil
}

// withdraw deletes the key of a call that has given up, if that has put it: after the revision since. The server deletes
// it as well when it learns in time, and the request may still be on its way to the other members while this one is, so
// where there is no key yet it looks again.
func withdraw(parent context.Context, name, key string, id, since int64) {
	life, stop := afterwards(parent)
	defer stop()
	txn := op.If(
		compare.New(key).CreateRevision(compare.Greater, since),
		compare.New(key).Lease(compare.Equal, id),
	).Then(op.Delete(ctx.Key(key)))
	looks := 0
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		response, err := kv.Txn(life, ctx.New(name), txn)
		switch {
		case err == nil && response.GetSucceeded():
			return
		case err == nil:
			looks++
		case gone(err):
			return
		}
		if looks == 3 || !sleep(life, pause) {
			return
		}
	}
}

// gone reports whether no other try could fare better.
func gone(err error) bool {
	return errors.Is(err, conn.ErrClosed) || errors.Is(err, conn.ErrNotOpen) || errors.Is(err, conn.ErrEndpoint) ||
		errors.Is(err, etcderr.ErrPermissionDenied)
}
