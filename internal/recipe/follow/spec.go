// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"iter"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
)

// Spec says what to follow.
type Spec struct {
	// Request has the connection, the key or range, and perhaps an endpoint. Its timeout bounds each page of a list and each
	// creation of a watch.
	Request ctx.Ctx
	// List lists the range in the order of the keys, at the revision of its first page. The default reads it with one request.
	List func(parent context.Context, c ctx.Ctx) iter.Seq2[*pb.RangeResponse, error]
	// Known returns the keys that the follower has told, in order, each with its mod revision. A new list is compared with them.
	// What it returns must not change while it is read. It does not contain the parts of a list that is not complete.
	Known func() iter.Seq2[string, int64]
	// From is a revision at which the keys are known already. The follower begins with a watch from the next revision on, and
	// lists the keys only when that watch fails. 0 begins with a list.
	From int64
	// After is what an earlier follower of the range has told, perhaps on another connection. The first list is Rewound if it is of
	// another history. It does not apply with From.
	After History
	// Watch edits the request of the watch, as with a filter. The default leaves it unchanged.
	Watch func(c ctx.Ctx) ctx.Ctx
}

// once lists a range with one request.
func once(parent context.Context, c ctx.Ctx) iter.Seq2[*pb.RangeResponse, error] {
	return func(yield func(*pb.RangeResponse, error) bool) { yield(kv.Get(parent, c)) }
}
