// SPDX-License-Identifier: Apache-2.0

package member

import "time"

// Snapshot is an endpoint at one moment. Package conn documents its fields.
type Snapshot struct {
	Address     string
	Active      bool      // otherwise it is Frozen
	Returning   bool      // Active, but redialled for the first time after the loss of its transport
	Since       time.Time // since when Active is what it is
	Leases      int
	ReconnectIn time.Duration
	Err         error
	Version     string
	Leader      bool
	Learner     bool
}
