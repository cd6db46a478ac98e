// SPDX-License-Identifier: Apache-2.0

package member

import "time"

var epoch = time.Now()

// Clock is a monotonic time for what is compared at every call.
func Clock() time.Duration { return time.Since(epoch) }

// timeOf is the time at which Clock was what it is given.
func timeOf(clock time.Duration) time.Time { return epoch.Add(clock) }
