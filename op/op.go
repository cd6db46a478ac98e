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

import (
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Request is the request of an operation, the same type as kv.Request.
type Request = ctx.Ctx

// Op is one operation of a transaction. It is an immutable value that may be used in several transactions and
// goroutines. The zero value is refused with kv.ErrInvalid when the transaction is sent.
type Op sealed.Op

func (o *Op) open() *sealed.Operation { return (*sealed.Op)(o).Open() }

func operation(kind sealed.Kind, c Request) Op {
	var o Op
	*o.open() = sealed.Operation{Kind: kind, Request: sealed.Ctx(c)}
	return o
}

// Put is the operation of kv.Put. The transaction decides how it is sent. So the request needs no connection, timeout
// or endpoint, but its base may have them:
//
//   - The connection and the endpoint must be those of the transaction. Others are refused.
//   - The timeout is ignored. The timeout of the transaction's own request counts.
//
// etcd refuses a transaction that puts one key twice (etcderr.ErrDuplicateKey).
func Put(c Request) Op {
	return operation(sealed.Put, c)
}

// Get is the operation of kv.Get. Connection, timeout and endpoint have the same rules as in [Put].
func Get(c Request) Op {
	return operation(sealed.Get, c)
}

// Delete is the operation of kv.Delete. Connection, timeout and endpoint have the same rules as in [Put].
func Delete(c Request) Op {
	return operation(sealed.Delete, c)
}

// Txn nests a transaction in another. The server judges all guards, the nested ones included, before it runs the first
// operation. So a nested guard does not see the changes of the operations around it.
func Txn(t Transaction) Op {
	var o Op
	nested := sealed.Transaction(t)
	*o.open() = sealed.Operation{Kind: sealed.Nested, Nested: &nested}
	return o
}

// String describes the operation for logs, without values.
func (o Op) String() string {
	what := o.open()
	switch what.Kind {
	case sealed.Put:
		return "put " + Request(what.Request).String()
	case sealed.Get:
		return "get " + Request(what.Request).String()
	case sealed.Delete:
		return "delete " + Request(what.Request).String()
	case sealed.Nested:
		return Transaction(*what.Nested).String()
	default:
		return "none"
	}
}

// GoString is [Op.String], so that %#v shows no value either.
func (o Op) GoString() string {
	return o.String()
}
