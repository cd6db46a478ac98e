// SPDX-License-Identifier: Apache-2.0

package follow

import "time"

// Status is where a follower stands.
type Status struct {
	Rev    int64 // up to which everything has been told
	Age    int   // see Step
	InStep bool  // the reader shows the keys, and the watch is on a server
	Since  time.Time
	// Err says why the follower is not in step: what the last attempt, or the stream of the watch, met. It is nil before the first
	// attempt has failed.
	Err     error
	Resyncs int // lists after the first one
}
