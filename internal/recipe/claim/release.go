// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Release deletes the key of a claim that Turn has returned, if the key still has that create revision. c is the request of that
// claim. Release repeats the request until it is answered: until parent ends or, if parent has no deadline, for the default time of
// the connection.
func Release(parent context.Context, c ctx.Ctx, key string, rev int64) error {
	if parent == nil {
		return render.AlsoInvalid(nil, "the parent context is nil")
	}
	q, err := newQueue(c)
	if err != nil {
		return err
	}
	limit := q.conn.DefaultTimeout()
	if _, set := parent.Deadline(); set {
		limit = 0
	}
	waiting, stop := bounded(parent, q.to, limit)
	defer stop()
	p := &place{queue: q, key: key}
	err = p.remove(waiting, rev)
	if err == nil {
		hubOf(q.conn).returned.remove(key, rev)
	}
	return err
}

// Forget has reports no longer tell about the claim with that key, which has been given back over the connection of c.
func Forget(c ctx.Ctx, key string) {
	if to, err := engine.Lookup(sealed.Ctx(c).Conn()); err == nil {
		hubOf(to).returned.remove(key, 0)
	}
}
