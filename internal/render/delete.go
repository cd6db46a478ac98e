// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// DeleteRange renders the request for /etcdserverpb.KV/DeleteRange, or returns an [*ctx.InvalidError]. It takes the
// key, WithPrefix, WithFromKey, WithRangeEnd and WithPrevKV.
//
// WithPrefix and WithFromKey without WithKey are refused, because a forgotten key would delete every key. WithKey("")
// says that all keys are meant.
func DeleteRange(c ctx.Ctx) (*pb.DeleteRangeRequest, error) {
	r := open(&c)
	err := check(r, "a delete request", sealed.OptKey|sealed.Extents|sealed.OptPrevKV)
	if !r.Has(sealed.OptKey) {
		err = alsoForgottenKey(r, err)
	}
	if err != nil {
		return nil, err
	}
	key, end := interval(r)
	return &pb.DeleteRangeRequest{
		Key:      key,
		RangeEnd: end,
		PrevKv:   r.Has(sealed.OptPrevKV),
	}, nil
}

// alsoForgottenKey adds a conflict to err if an extent covers every key because no key was given.
func alsoForgottenKey(r *sealed.Request, err error) error {
	var extent string
	switch {
	case r.Has(sealed.OptPrefix):
		extent = "WithPrefix"
	case r.Has(sealed.OptFromKey):
		extent = "WithFromKey"
	default:
		return err
	}
	return AlsoInvalid(err, "ctx: "+extent+` without WithKey would delete every key: say WithKey("") where that is meant`)
}
