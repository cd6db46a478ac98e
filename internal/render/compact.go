// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Compaction renders the request for /etcdserverpb.KV/Compact, or returns an [*ctx.InvalidError].
// It takes WithRev and WithPhysical.
func Compaction(c ctx.Ctx) (*pb.CompactionRequest, error) {
	r := open(&c)
	if err := check(r, "a compact request", sealed.OptRev|sealed.OptPhysical); err != nil {
		return nil, err
	}
	return &pb.CompactionRequest{
		Revision: r.Rev,
		Physical: r.Has(sealed.OptPhysical),
	}, nil
}
