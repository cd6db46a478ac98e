// SPDX-License-Identifier: Apache-2.0

// Package claim is what locks and elections have in common: a key of one's own below a name, attached to a lease, whose
// turn comes when all older keys below the name are gone. It waits for the turn, holds it, and leaves nothing behind.
package claim

import (
	"context"
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
)

// Held is a claim whose turn it is. Rev is the key's create revision, which no other holder of the name has or had.
type Held struct {
	Key   string
	Rev   int64
	Lease int64
}

// Guard is true as long as the claim is held.
func (h Held) Guard() compare.Compare {
	return compare.New(h.Key).CreateRevision(compare.Equal, h.Rev)
}

// keyOf is the key that the server makes of a name and a lease.
func keyOf(name string, lease int64) string { return fmt.Sprintf("%s/%x", name, lease) }

// base is where a request goes, and nothing else of it.
func base(c ctx.Ctx) ctx.Ctx {
	b := ctx.New(c.Conn())
	if endpoint, ok := c.Endpoint(); ok {
		b = b.WithEndpoint(endpoint)
	}
	return b
}

// bounded is parent with the timeout of the request.
func bounded(parent context.Context, c ctx.Ctx) (context.Context, context.CancelFunc) {
	if timeout, ok := c.Timeout(); ok {
		return context.WithTimeout(parent, timeout)
	}
	return context.WithCancel(parent)
}

// afterwards outlives parent, for a while, to put things in order.
func afterwards(parent context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(parent), 5*time.Second)
}

// sleep reports whether d has passed; otherwise parent has ended.
func sleep(parent context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-parent.Done():
		return false
	}
}
