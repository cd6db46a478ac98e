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

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// Compare is one guard. It is an immutable value that can be copied, compared with ==, and shared between goroutines.
// The zero value has no operator and is refused with kv.ErrInvalid when the transaction is sent.
type Compare struct {
	target Target
	op     Operator
	what   pb.Compare_CompareTarget
	n      int64
	value  string
}

// Exists holds if key exists. It is New(key).CreateRevision(Greater, 0).
func Exists(key string) Compare {
	return New(key).CreateRevision(Greater, 0)
}

// Missing holds if key does not exist. It is New(key).CreateRevision(Equal, 0).
func Missing(key string) Compare {
	return New(key).CreateRevision(Equal, 0)
}

// Proto renders the guard for package op, and users of the SDK do not need it. It refuses an unknown operator with an
// error that is kv.ErrInvalid. The server judges an empty key.
func (c Compare) Proto() (*pb.Compare, error) {
	result, known := c.op.result()
	if !known {
		return nil, &ctx.InvalidError{Conflicts: []string{
			"compare: unknown operator " + strconv.Quote(string(c.op)) + " on key " + strconv.Quote(c.target.key),
		}}
	}
	key, end := c.target.interval()
	guard := &pb.Compare{
		Result:   result,
		Target:   c.what,
		Key:      []byte(key),
		RangeEnd: []byte(end),
	}
	switch c.what {
	case pb.Compare_VERSION:
		guard.TargetUnion = &pb.Compare_Version{Version: c.n}
	case pb.Compare_CREATE:
		guard.TargetUnion = &pb.Compare_CreateRevision{CreateRevision: c.n}
	case pb.Compare_MOD:
		guard.TargetUnion = &pb.Compare_ModRevision{ModRevision: c.n}
	case pb.Compare_VALUE:
		guard.TargetUnion = &pb.Compare_Value{Value: []byte(c.value)}
	case pb.Compare_LEASE:
		guard.TargetUnion = &pb.Compare_Lease{Lease: c.n}
	}
	return guard, nil
}

// String describes the guard for logs. Of a value it shows only the length.
//
//	mod_revision("config") = 7
func (c Compare) String() string {
	operand := strconv.FormatInt(c.n, 10)
	if c.what == pb.Compare_VALUE {
		operand = "(" + strconv.Itoa(len(c.value)) + " bytes)"
	}
	return subject(c.what) + "(" + c.target.String() + ") " + string(c.op) + " " + operand
}

// GoString is [Compare.String], so that %#v shows no value either.
func (c Compare) GoString() string {
	return c.String()
}

func subject(what pb.Compare_CompareTarget) string {
	switch what {
	case pb.Compare_VERSION:
		return "version"
	case pb.Compare_CREATE:
		return "create_revision"
	case pb.Compare_MOD:
		return "mod_revision"
	case pb.Compare_LEASE:
		return "lease"
	default:
		return "value"
	}
}
