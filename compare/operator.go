// SPDX-License-Identifier: Apache-2.0

package compare

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// Operator relates the property of the key, on the left, to the operand of the guard, on the right. Besides the
// constants, "==" is Equal and "=/=" is NotEqual, as in eetcd. Any other string is refused with kv.ErrInvalid when the
// transaction is sent. etcd has no "<=" and ">=": use the neighbouring number.
type Operator string

// The operators.
const (
	Equal    Operator = "="
	NotEqual Operator = "!="
	Greater  Operator = ">"
	Less     Operator = "<"
)

func (op Operator) result() (result pb.Compare_CompareResult, known bool) {
	switch op {
	case Equal, "==":
		return pb.Compare_EQUAL, true
	case NotEqual, "=/=":
		return pb.Compare_NOT_EQUAL, true
	case Greater:
		return pb.Compare_GREATER, true
	case Less:
		return pb.Compare_LESS, true
	default:
		return 0, false
	}
}
