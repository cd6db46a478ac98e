// SPDX-License-Identifier: Apache-2.0

package member

import "time"

var epoch = time.Now()

// Clock returns a monotonic time. Each call reads it, so it is cheaper than a time.Time.
func Clock() time.Duration { return time.Since(epoch) }

// timeOf converts a value of Clock to a time.
func timeOf(clock time.Duration) time.Time { return epoch.Add(clock) }
