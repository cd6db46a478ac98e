// SPDX-License-Identifier: Apache-2.0

package member

import (
	"fmt"
	"time"
)

// State is the state of an endpoint as users are told it.
type State uint8

// What package conn documents under the same names.
const (
	Active State = iota
	Frozen
)

// String returns "Active" or "Frozen".
func (s State) String() string {
	switch s {
	case Active:
		return "Active"
	case Frozen:
		return "Frozen"
	default:
		return fmt.Sprintf("State(%d)", uint8(s))
	}
}

// Snapshot is an endpoint at one moment. Package conn documents its fields.
type Snapshot struct {
	Address     string
	State       State
	Leases      int
	ReconnectIn time.Duration
	Err         error
	Version     string
	Leader      bool
	Learner     bool
}
