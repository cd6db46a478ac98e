// SPDX-License-Identifier: Apache-2.0

// Package compare builds the guards of a transaction. A guard says what must hold for a key, or for each key in a range, so
// that the transaction takes its Then branch.
//
//	op.If(
//		compare.New("config").ModRevision(compare.Equal, seen),
//		compare.Missing("config/frozen"),
//	)
//
// Guards are immutable values, and building one never fails. kv.Txn reports an unknown operator together with all other
// mistakes in the transaction.
//
// Its counterpart in eetcd is the module eetcd_compare: see docs/eetcd.md.
package compare

import (
	"strconv"

	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Compare is one guard. It is an immutable value that can be copied, compared with ==, and shared between goroutines.
// The zero value has no operator and is refused with kv.ErrInvalid when the transaction is sent.
type Compare sealed.Compare

func (c *Compare) open() *sealed.Guard { return (*sealed.Compare)(c).Open() }

// Exists holds if key exists. It is New(key).CreateRevision(Greater, 0).
func Exists(key string) Compare {
	return New(key).CreateRevision(Greater, 0)
}

// Missing holds if key does not exist. It is New(key).CreateRevision(Equal, 0).
func Missing(key string) Compare {
	return New(key).CreateRevision(Equal, 0)
}

// String describes the guard for logs. Of a value it shows only the length.
//
//	mod_revision("config") = 7
func (c Compare) String() string {
	g := c.open()
	operand := strconv.FormatInt(g.Number, 10)
	if g.Property == sealed.Value {
		operand = "(" + strconv.Itoa(len(g.Value)) + " bytes)"
	}
	return properties[g.Property] + "(" + Target(g.Target).String() + ") " + g.Operator + " " + operand
}

// GoString is [Compare.String], so that %#v shows no value either.
func (c Compare) GoString() string {
	return c.String()
}

// properties are as etcd names them.
var properties = [...]string{
	sealed.Value:          "value",
	sealed.Version:        "version",
	sealed.CreateRevision: "create_revision",
	sealed.ModRevision:    "mod_revision",
	sealed.Lease:          "lease",
}
