// SPDX-License-Identifier: Apache-2.0

// Package render makes etcd's messages of requests and transactions. It is apart from them, so that their documentation
// shows what users call and nothing else.
//
// Each function refuses what its message does not take. One [*ctx.InvalidError] lists every conflict.
package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// open keeps c on the stack of its caller, so a rendering allocates its message only.
func open(c *ctx.Ctx) *sealed.Request { return (*sealed.Ctx)(c).Open() }
