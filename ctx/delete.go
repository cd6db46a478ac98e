// SPDX-License-Identifier: Apache-2.0

package ctx

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// DeleteRangeRequest renders the request for /etcdserverpb.KV/DeleteRange, or returns an
// [*InvalidError]. It takes the key, WithPrefix, WithFromKey, WithRangeEnd and WithPrevKV.
func (c Ctx) DeleteRangeRequest() (*pb.DeleteRangeRequest, error) {
	if err := c.check("a delete request", optKey|extents|optPrevKV); err != nil {
		return nil, err
	}
	key, end := c.interval()
	return &pb.DeleteRangeRequest{
		Key:      key,
		RangeEnd: end,
		PrevKv:   c.has(optPrevKV),
	}, nil
}
