// SPDX-License-Identifier: Apache-2.0

package ctx

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// DeleteRangeRequest renders the request for /etcdserverpb.KV/DeleteRange, or returns an [*InvalidError]. It takes the
// key, WithPrefix, WithFromKey, WithRangeEnd and WithPrevKV.
//
// WithPrefix and WithFromKey without WithKey are refused, because a forgotten key would delete every key. WithKey("")
// says that all keys are meant.
func (c Ctx) DeleteRangeRequest() (*pb.DeleteRangeRequest, error) {
	err := c.check("a delete request", optKey|extents|optPrevKV)
	if !c.has(optKey) {
		err = c.alsoForgottenKey(err)
	}
	if err != nil {
		return nil, err
	}
	key, end := c.interval()
	return &pb.DeleteRangeRequest{
		Key:      key,
		RangeEnd: end,
		PrevKv:   c.has(optPrevKV),
	}, nil
}

// alsoForgottenKey adds a conflict to err if an extent covers every key because no key was given.
func (c *Ctx) alsoForgottenKey(err error) error {
	var extent string
	switch {
	case c.has(optPrefix):
		extent = "WithPrefix"
	case c.has(optFromKey):
		extent = "WithFromKey"
	default:
		return err
	}
	return AlsoInvalid(err, "ctx: "+extent+` without WithKey would delete every key: say WithKey("") where that is meant`)
}
