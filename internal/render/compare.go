// SPDX-License-Identifier: Apache-2.0

package render

import (
	"strconv"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Guard renders a guard of a transaction. It refuses an unknown operator. The server judges an empty key.
func Guard(c compare.Compare) (*pb.Compare, error) {
	g := (*sealed.Compare)(&c).Open()
	result, known := result(compare.Operator(g.Operator))
	key, end := g.Target.Open().Interval()
	if !known {
		return nil, &ctx.InvalidError{Conflicts: []string{
			"compare: unknown operator " + strconv.Quote(g.Operator) + " on key " + strconv.Quote(g.Target.Open().Key),
		}}
	}
	message := &pb.Compare{
		Result:   result,
		Key:      []byte(key),
		RangeEnd: []byte(end),
	}
	switch g.Property {
	case sealed.Version:
		message.Target, message.TargetUnion = pb.Compare_VERSION, &pb.Compare_Version{Version: g.Number}
	case sealed.CreateRevision:
		message.Target, message.TargetUnion = pb.Compare_CREATE, &pb.Compare_CreateRevision{CreateRevision: g.Number}
	case sealed.ModRevision:
		message.Target, message.TargetUnion = pb.Compare_MOD, &pb.Compare_ModRevision{ModRevision: g.Number}
	case sealed.Value:
		message.Target, message.TargetUnion = pb.Compare_VALUE, &pb.Compare_Value{Value: []byte(g.Value)}
	case sealed.Lease:
		message.Target, message.TargetUnion = pb.Compare_LEASE, &pb.Compare_Lease{Lease: g.Number}
	}
	return message, nil
}

func result(op compare.Operator) (result pb.Compare_CompareResult, known bool) {
	switch op {
	case compare.Equal, "==":
		return pb.Compare_EQUAL, true
	case compare.NotEqual, "=/=":
		return pb.Compare_NOT_EQUAL, true
	case compare.Greater:
		return pb.Compare_GREATER, true
	case compare.Less:
		return pb.Compare_LESS, true
	default:
		return 0, false
	}
}
