// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"context"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in every
// package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// bounded is parent with the timeout of a run. byDefault bounds a run for which neither parent nor the request sets a time.
func bounded(parent context.Context, c Request, byDefault time.Duration) (context.Context, context.CancelFunc) {
	timeout, given := sealed.Ctx(c).Timeout()
	if !given {
		if _, bounded := parent.Deadline(); bounded {
			return context.WithCancel(parent)
		}
		timeout = byDefault
	}
	return context.WithTimeout(parent, timeout)
}

// requestOf returns c without its timeout, which limits the run and not each request.
func requestOf(c Request) ctx.Ctx {
	to := ctx.New(sealed.Ctx(c).Conn())
	if endpoint, given := sealed.Ctx(c).Endpoint(); given {
		to = to.WithEndpoint(endpoint)
	}
	return to
}
