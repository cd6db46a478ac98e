// SPDX-License-Identifier: Apache-2.0

package hook

import "context"

// Stream begins the observation of a stream, and returns what ends it.
func (h *Hooks) Stream(parent context.Context, i StreamInfo) (over func(error)) {
	_, begun := begin(h.Streams, parent, i, nil)
	return func(err error) { end(h.Streams, begun, err) }
}
