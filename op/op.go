// SPDX-License-Identifier: Apache-2.0

// Package op builds transactions. A transaction has guards, operations to run if all of them hold, and operations to run
// otherwise. The server runs it as one atomic step.
//
//	swap := op.If(compare.New("config").ModRevision(compare.Equal, seen)).
//		Then(op.Put(kv.Key("config").WithValue(next))).
//		Else(op.Get(kv.Key("config")))
//	resp, err := kv.Txn(ctx, kv.New("registry"), swap)
//
// Transactions are immutable values, and building one never fails. kv.Txn reports every mistake in the guards and operations,
// also in nested ones, in one error that is kv.ErrInvalid.
//
// Its counterpart in eetcd is the module eetcd_op: see docs/eetcd.md.
package op

import "github.com/eetcd-go/eetcd/ctx"

// Op is one operation of a transaction. It is an immutable value and may be used in several
// transactions and goroutines. The zero value is no operation and is refused.
type Op struct {
	kind   kind
	req    ctx.Ctx
	nested *Transaction // of a nested transaction; never changed once it is set
}

type kind uint8

const (
	none kind = iota
	put
	get
	del
	txn
)

// Put is the operation of kv.Put. How it is sent is the transaction's business, so the request needs no
// connection, timeout or endpoint, and may still be made from a base that has them:
//
//   - the connection, and the endpoint, must be the transaction's; others are refused, since the
//     operation would not go where it says;
//   - the timeout is ignored, since the one of the transaction's own request counts.
//
// etcd refuses a transaction that puts one key twice (etcderr.ErrDuplicateKey).
func Put(c ctx.Ctx) Op {
	return Op{kind: put, req: c}
}

// Get is the operation of kv.Get. What [Put] says of connection, timeout and endpoint holds here.
func Get(c ctx.Ctx) Op {
	return Op{kind: get, req: c}
}

// Delete is the operation of kv.Delete. What [Put] says of connection, timeout and endpoint holds here.
func Delete(c ctx.Ctx) Op {
	return Op{kind: del, req: c}
}

// Txn nests a transaction in another. The server judges all guards, the nested ones too, before it
// runs the first operation: a nested guard does not see what the operations around it change.
func Txn(t Transaction) Op {
	return Op{kind: txn, nested: &t}
}

// String describes the operation for logs, without values.
func (o Op) String() string {
	switch o.kind {
	case put:
		return "put " + o.req.String()
	case get:
		return "get " + o.req.String()
	case del:
		return "delete " + o.req.String()
	case txn:
		return o.nested.String()
	default:
		return "none"
	}
}

// GoString is [Op.String], so that no value is printed with %#v either.
func (o Op) GoString() string {
	return o.String()
}
