// SPDX-License-Identifier: Apache-2.0

package op

import (
	"strings"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Transaction is a set of guards and two lists of operations, of which the server runs one. It is an immutable value
// that may be used again and shared between goroutines. The zero value is If() with no operations.
type Transaction sealed.Transaction

func (t *Transaction) open() *sealed.Txn { return (*sealed.Transaction)(t).Open() }

// If begins a transaction that runs its Then operations if every guard holds, and its Else operations otherwise.
// Without guards it always runs Then. The slice is copied.
//
// A server accepts at most 128 guards, and at most 128 operations in each list, in its default configuration. It
// refuses more with etcderr.ErrTooManyOps.
func If(guards ...compare.Compare) Transaction {
	var t Transaction
	if len(guards) > 0 {
		held := make([]sealed.Compare, len(guards))
		for i, guard := range guards {
			held[i] = sealed.Compare(guard)
		}
		t.open().Guards = held
	}
	return t
}

// Then returns a copy of t that runs ops, in this order, if every guard holds. It replaces earlier
// Then operations. The slice is copied.
func (t Transaction) Then(ops ...Op) Transaction {
	t.open().Then = operations(ops)
	return t
}

// Else returns a copy of t that runs ops, in this order, if a guard does not hold. It replaces
// earlier Else operations. The slice is copied.
func (t Transaction) Else(ops ...Op) Transaction {
	t.open().Else = operations(ops)
	return t
}

// String describes the transaction for logs, without values. It leaves out empty parts.
//
//	txn(if mod_revision("a") = 7; then put ctx(key="a" value=(5 bytes)); else get ctx(key="a"))
func (t Transaction) String() string {
	txn := t.open()
	var parts []string
	parts = appendList(parts, "if", txn.Guards, func(c sealed.Compare) string { return compare.Compare(c).String() })
	parts = appendList(parts, "then", txn.Then, func(o sealed.Op) string { return Op(o).String() })
	parts = appendList(parts, "else", txn.Else, func(o sealed.Op) string { return Op(o).String() })
	return "txn(" + strings.Join(parts, "; ") + ")"
}

// GoString is [Transaction.String], so that %#v shows no value either.
func (t Transaction) GoString() string {
	return t.String()
}

func appendList[T any](parts []string, name string, items []T, describe func(T) string) []string {
	if len(items) == 0 {
		return parts
	}
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = describe(item)
	}
	return append(parts, name+" "+strings.Join(words, ", "))
}

// operations returns a copy of ops.
func operations(ops []Op) []sealed.Op {
	if len(ops) == 0 {
		return nil
	}
	held := make([]sealed.Op, len(ops))
	for i, o := range ops {
		held[i] = sealed.Op(o)
	}
	return held
}
