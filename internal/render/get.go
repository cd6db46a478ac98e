// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// OneKey reports whether [Range] accepts a request that reads one key, and asks for nothing else.
func OneKey(c *ctx.Ctx) bool {
	r := open(c)
	return r.Given&^(sealed.OptKey|sealed.OptSerializable|sealed.OptTimeout) == 0 && r.Key != "" && timeoutValid(r)
}

// Range renders the request for /etcdserverpb.KV/Range, or returns an [*ctx.InvalidError]. It takes the key and its
// extent, WithLimit, WithRev, WithSort, WithTop and its relatives, WithSerializable, WithKeysOnly, WithCountOnly and
// the four revision bounds. It renders an ascending sort by key as no sort, which is the same order and spares older
// servers a read of the whole range.
func Range(c ctx.Ctx) (*pb.RangeRequest, error) {
	r := open(&c)
	const allowed = sealed.OptKey | sealed.Extents | sealed.OptLimit | sealed.OptRev | sealed.Sorters |
		sealed.OptSerializable | sealed.OptKeysOnly | sealed.OptCountOnly |
		sealed.OptMinModRev | sealed.OptMaxModRev | sealed.OptMinCreateRev | sealed.OptMaxCreateRev
	if err := check(r, "a get request", allowed); err != nil {
		return nil, err
	}
	key, end := interval(r)
	target, order := sort(r)
	return &pb.RangeRequest{
		Key:               key,
		RangeEnd:          end,
		Limit:             r.Limit,
		Revision:          r.Rev,
		SortTarget:        target,
		SortOrder:         order,
		Serializable:      r.Has(sealed.OptSerializable),
		KeysOnly:          r.Has(sealed.OptKeysOnly),
		CountOnly:         r.Has(sealed.OptCountOnly),
		MinModRevision:    r.MinModRev,
		MaxModRevision:    r.MaxModRev,
		MinCreateRevision: r.MinCreateRev,
		MaxCreateRevision: r.MaxCreateRev,
	}, nil
}
