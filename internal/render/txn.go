// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/op"
)

// Txn renders the request for /etcdserverpb.KV/Txn. c says how the transaction is sent: connection, timeout and endpoint.
// Everything else in c is refused, and so is an invalid guard or operation, or an operation for another connection or
// endpoint.
//
// One [*ctx.InvalidError] has all conflicts, also of nested transactions, each with its place: "op: then[2].else[0]:
// ctx: WithSort does not apply to a put request".
func Txn(t op.Transaction, c ctx.Ctx) (*pb.TxnRequest, error) {
	r := renderer{sent: c}
	r.refuse(Check(c, "a txn request", 0))
	sent := sealed.Transaction(t)
	request := r.txn(sent.Open())
	if len(r.conflicts) > 0 {
		return nil, r.err()
	}
	return request, nil
}

// renderer goes on after a conflict in order to find all of them. Its result is worthless then.
type renderer struct {
	sent      ctx.Ctx // how the transaction is sent
	conflicts []conflict
}

// conflict is one mistake in a transaction. Its place is completed from the inside out, at the end of each level.
type conflict struct {
	place string // "then[2].else[0]"; "" in the transaction's own request
	text  string
}

func (r *renderer) txn(t *sealed.Txn) *pb.TxnRequest {
	return &pb.TxnRequest{
		Compare: r.guards(t.Guards),
		Success: r.ops("then", t.Then),
		Failure: r.ops("else", t.Else),
	}
}

func (r *renderer) guards(guards []sealed.Compare) []*pb.Compare {
	if len(guards) == 0 {
		return nil
	}
	messages := make([]*pb.Compare, len(guards))
	for i, g := range guards {
		before := len(r.conflicts)
		message, err := Guard(compare.Compare(g))
		r.refuse(err)
		r.locate(before, "if", i)
		messages[i] = message
	}
	return messages
}

func (r *renderer) ops(branch string, ops []sealed.Op) []*pb.RequestOp {
	if len(ops) == 0 {
		return nil
	}
	messages := make([]*pb.RequestOp, len(ops))
	for i, o := range ops {
		before := len(r.conflicts)
		messages[i] = r.op(o.Open())
		r.locate(before, branch, i)
	}
	return messages
}

func (r *renderer) op(o *sealed.Operation) *pb.RequestOp {
	for _, text := range Apart(ctx.Ctx(o.Request), r.sent) {
		r.add(text)
	}
	req := Unbound(ctx.Ctx(o.Request))
	switch o.Kind {
	case sealed.Put:
		message, err := Put(req)
		r.refuse(err)
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: message}}
	case sealed.Get:
		message, err := Range(req)
		r.refuse(err)
		return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: message}}
	case sealed.Delete:
		message, err := DeleteRange(req)
		r.refuse(err)
		return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: message}}
	case sealed.Nested:
		message := r.txn(o.Nested.Open())
		return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: message}}
	default:
		r.add("the zero Op is no operation")
		return nil
	}
}

// refuse adds the conflicts that a rendering reported. A nil error has none.
func (r *renderer) refuse(err error) {
	if err == nil {
		return
	}
	var invalid *ctx.InvalidError
	if !errors.As(err, &invalid) {
		r.add(err.Error())
		return
	}
	for _, text := range invalid.Conflicts {
		r.add(text)
	}
}

func (r *renderer) add(text string) {
	r.conflicts = append(r.conflicts, conflict{text: text})
}

// locate prefixes the conflicts added since before with a place in a branch.
func (r *renderer) locate(before int, branch string, i int) {
	added := r.conflicts[before:]
	for j := range added {
		here := fmt.Sprintf("%s[%d]", branch, i)
		if added[j].place != "" {
			here += "." + added[j].place
		}
		added[j].place = here
	}
}

func (r *renderer) err() error {
	sentences := make([]string, len(r.conflicts))
	for i, c := range r.conflicts {
		sentences[i] = c.text
		if c.place != "" {
			sentences[i] = "op: " + c.place + ": " + c.text
		}
	}
	return &ctx.InvalidError{Conflicts: sentences}
}
