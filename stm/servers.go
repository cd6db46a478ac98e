// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// servers is where the requests of a run go, and for how long.
type servers struct {
	life context.Context
	to   ctx.Ctx // without a key: connection and endpoint
}

// get sends a read that is not bound to a connection yet.
func (s servers) get(c ctx.Ctx) (*pb.RangeResponse, error) {
	c = c.WithConn(sealed.Ctx(s.to).Conn())
	if endpoint, given := sealed.Ctx(s.to).Endpoint(); given {
		c = c.WithEndpoint(endpoint)
	}
	return kv.Get(s.life, c)
}

// txn sends a transaction.
func (s servers) txn(t op.Transaction) (*pb.TxnResponse, error) { return kv.Txn(s.life, s.to, t) }

// spanOf returns the range that a request asks for.
func (s servers) spanOf(c Request) (span, error) {
	const what = "a range of a transaction"
	asked := render.Unbound(c)
	err := render.Check(asked, what, render.RangeInOrder)
	for _, conflict := range render.Apart(c, s.to) {
		err = render.AlsoInvalid(err, "stm: "+conflict)
	}
	if err != nil {
		return span{}, err
	}
	request, err := render.Range(asked)
	if err != nil {
		return span{}, err
	}
	return span{key: string(request.GetKey()), end: string(request.GetRangeEnd()), limit: request.GetLimit()}, nil
}
