// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// WatchCreate renders the request that creates a watch on a stream of /etcdserverpb.Watch/Watch, or returns an
// [*ctx.InvalidError]. It takes the key, WithPrefix, WithFromKey, WithRangeEnd, WithPrevKV, WithStartRevision, WithWatchID,
// WithFragment, WithProgressNotify, WithFilterPut and WithFilterDelete. It refuses a range without keys, as every
// server does.
func WatchCreate(c ctx.Ctx) (*pb.WatchCreateRequest, error) {
	r := open(&c)
	const allowed = sealed.OptKey | sealed.Extents | sealed.OptPrevKV | sealed.OptStartRevision | sealed.OptWatchID |
		sealed.OptFragment | sealed.OptProgressNotify | sealed.OptFilterPut | sealed.OptFilterDelete
	err := check(r, "a watch request", allowed)
	key, end := interval(r)
	if len(end) > 0 && string(end) != sealed.AllKeys && bytes.Compare(key, end) >= 0 {
		err = AlsoInvalid(err, "ctx: WithRangeEnd is not above WithKey in a watch request: no key is in that range")
	}
	if err != nil {
		return nil, err
	}
	var filters []pb.WatchCreateRequest_FilterType
	if r.Has(sealed.OptFilterPut) {
		filters = append(filters, pb.WatchCreateRequest_NOPUT)
	}
	if r.Has(sealed.OptFilterDelete) {
		filters = append(filters, pb.WatchCreateRequest_NODELETE)
	}
	return &pb.WatchCreateRequest{
		Key:            key,
		RangeEnd:       end,
		StartRevision:  r.StartRev,
		ProgressNotify: r.Has(sealed.OptProgressNotify),
		Filters:        filters,
		PrevKv:         r.Has(sealed.OptPrevKV),
		WatchId:        r.WatchID,
		Fragment:       r.Has(sealed.OptFragment),
	}, nil
}
