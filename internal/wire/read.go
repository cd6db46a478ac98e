// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Read is KV.Range.Call for a request that reads one key and asks for nothing else, as render.OneKey reports. A message is made of it
// only if it travels alone in the end, or if a hook or a namespace has to look at it.
func Read(parent context.Context, c *ctx.Ctx) (*pb.RangeResponse, error) {
	r := (*sealed.Ctx)(c).Open()
	to, err := engine.Lookup(r.Conn)
	if err != nil {
		return nil, err
	}
	if parent == nil {
		return nil, errNilParent
	}
	return to.Read(parent, call.Read{Key: r.Key, Serializable: r.Has(sealed.OptSerializable)}, r.Timeout)
}
