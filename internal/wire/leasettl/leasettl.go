// SPDX-License-Identifier: Apache-2.0

// Package leasettl checks the TTL of a lease before anything is sent.
package leasettl

import (
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/internal/render"
)

// Min is the shortest TTL that is no slip: 10 instead of 10*time.Second means 10 ns.
const Min = time.Millisecond

// Check adds to err what is wrong with the TTL of a lease. room is the package that was given it.
func Check(err error, room string, ttl time.Duration) error {
	if ttl < Min {
		return render.AlsoInvalid(err, fmt.Sprintf("%s: a TTL of %v is below %v", room, ttl, Min))
	}
	return err
}
