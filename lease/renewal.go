// SPDX-License-Identifier: Apache-2.0

package lease

import "time"

// Renewal is a renewal of a lease that a server has acknowledged. See [Keeper.Renewals].
type Renewal struct {
	Sent     time.Time // when it was sent, by this client or at the earliest by a proxy
	Until    time.Time // until when the lease is valid by it: Sent plus the TTL
	Revision int64     // of the store when the server acknowledged it
}
