// SPDX-License-Identifier: Apache-2.0

package op

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eetcd-go/eetcd/compare"
)

// Transaction is a set of guards and two lists of operations, of which the server runs one. It is an immutable value
// that may be used again and shared between goroutines. The zero value is If() with no operations.
type Transaction struct {
	guards []compare.Compare
	then   []Op
	els    []Op
}

// If begins a transaction that runs its Then operations if every guard holds, and its Else operations otherwise.
// Without guards it always runs Then. The slice is copied.
//
// A server accepts at most 128 guards, and at most 128 operations in each list, in its default configuration. It
// refuses more with etcderr.ErrTooManyOps.
func If(guards ...compare.Compare) Transaction {
	return Transaction{guards: slices.Clone(guards)}
}

// Then returns a copy of t that runs ops, in this order, if every guard holds. It replaces earlier
// Then operations. The slice is copied.
func (t Transaction) Then(ops ...Op) Transaction {
	t.then = slices.Clone(ops)
	return t
}

// Else returns a copy of t that runs ops, in this order, if a guard does not hold. It replaces
// earlier Else operations. The slice is copied.
func (t Transaction) Else(ops ...Op) Transaction {
	t.els = slices.Clone(ops)
	return t
}

// String describes the transaction for logs, without values. It leaves out empty parts.
//
//	txn(if mod_revision("a") = 7; then put ctx(key="a" value=(5 bytes)); else get ctx(key="a"))
func (t Transaction) String() string {
	var parts []string
	parts = appendList(parts, "if", t.guards)
	parts = appendList(parts, "then", t.then)
	parts = appendList(parts, "else", t.els)
	return "txn(" + strings.Join(parts, "; ") + ")"
}

// GoString is [Transaction.String], so that %#v shows no value either.
func (t Transaction) GoString() string {
	return t.String()
}

func appendList[T fmt.Stringer](parts []string, name string, items []T) []string {
	if len(items) == 0 {
		return parts
	}
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = item.String()
	}
	return append(parts, name+" "+strings.Join(words, ", "))
}
