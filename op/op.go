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

// Op is one operation of a transaction. It is an immutable value that may be used in several transactions and
// goroutines. The zero value is refused with kv.ErrInvalid when the transaction is sent.
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

// Put is the operation of kv.Put. The transaction decides how it is sent. So the request needs no connection, timeout
// or endpoint, but its base may have them:
//
//   - The connection and the endpoint must be those of the transaction. Others are refused.
//   - The timeout is ignored. The timeout of the transaction's own request counts.
//
// etcd refuses a transaction that puts one key twice (etcderr.ErrDuplicateKey).
func Put(c ctx.Ctx) Op {
	return Op{kind: put, req: c}
}

// Get is the operation of kv.Get. Connection, timeout and endpoint have the same rules as in [Put].
func Get(c ctx.Ctx) Op {
	return Op{kind: get, req: c}
}

// Delete is the operation of kv.Delete. Connection, timeout and endpoint have the same rules as in [Put].
func Delete(c ctx.Ctx) Op {
	return Op{kind: del, req: c}
}

// Txn nests a transaction in another. The server judges all guards, the nested ones included, before it runs the first
// operation. So a nested guard does not see the changes of the operations around it.
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

// GoString is [Op.String], so that %#v shows no value either.
func (o Op) GoString() string {
	return o.String()
}
