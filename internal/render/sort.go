// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

var sortTargets = [...]pb.RangeRequest_SortTarget{
	ctx.ByKey:     pb.RangeRequest_KEY,
	ctx.ByVersion: pb.RangeRequest_VERSION,
	ctx.ByCreate:  pb.RangeRequest_CREATE,
	ctx.ByMod:     pb.RangeRequest_MOD,
	ctx.ByValue:   pb.RangeRequest_VALUE,
}

var sortOrders = [...]pb.RangeRequest_SortOrder{
	ctx.None:    pb.RangeRequest_NONE,
	ctx.Ascend:  pb.RangeRequest_ASCEND,
	ctx.Descend: pb.RangeRequest_DESCEND,
}

func targetKnown(r *sealed.Request) bool { return uint32(r.Target) < uint32(len(sortTargets)) }

func orderKnown(r *sealed.Request) bool { return uint32(r.Order) < uint32(len(sortOrders)) }

// sort returns target and order for the wire. Ascending key order is the server's default. Servers up to 3.6 read the
// whole range before they apply the limit if it is asked for.
func sort(r *sealed.Request) (pb.RangeRequest_SortTarget, pb.RangeRequest_SortOrder) {
	if ctx.SortTarget(r.Target) == ctx.ByKey && ctx.SortOrder(r.Order) == ctx.Ascend {
		return pb.RangeRequest_KEY, pb.RangeRequest_NONE
	}
	return sortTargets[r.Target], sortOrders[r.Order]
}
