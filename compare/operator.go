// SPDX-License-Identifier: Apache-2.0

package compare

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
