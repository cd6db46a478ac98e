// SPDX-License-Identifier: Apache-2.0

package ctx

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// WithPhysical makes a compaction return only when the server has removed the old revisions from its storage. By
// default it returns when they can no longer be read.
func (c Ctx) WithPhysical() Ctx {
	c.given |= optPhysical
	return c
}

// CompactionRequest renders the request for /etcdserverpb.KV/Compact, or returns an [*InvalidError].
// It takes WithRev and WithPhysical.
func (c Ctx) CompactionRequest() (*pb.CompactionRequest, error) {
	if err := c.check("a compact request", optRev|optPhysical); err != nil {
		return nil, err
	}
	return &pb.CompactionRequest{
		Revision: c.rev,
		Physical: c.has(optPhysical),
	}, nil
}
