// SPDX-License-Identifier: Apache-2.0

package ctx

import "github.com/eetcd-go/eetcd/internal/sealed"

// WithPhysical makes a compaction return only when the server has removed the old revisions from its storage. By
// default it returns when they can no longer be read.
func (c Ctx) WithPhysical() Ctx {
	c.open().Given |= sealed.OptPhysical
	return c
}
