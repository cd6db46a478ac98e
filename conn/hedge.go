// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// hedgeSilence is what happens when the call has been silent for the hedge delay: it casts doubt on the endpoint, and
// sends a read to another one as well.
func (u *unary) hedgeSilence() {
	u.link.ep.doubt()
	target, ok := u.reply.(proto.Message)
	if u.traits&read == 0 || u.options.pinned || !ok {
		return
	}
	if len(u.options.rest) > 0 {
		return // they may have gRPC write to one place what both attempts bring, such as the header
	}
	if !u.conn.budget.take() {
		return
	}
	other := u.conn.rotation.other(u.link.ep)
	if other == nil {
		return
	}
	defer other.release()
	second := u.conn.unaryFor(u.traits)
	second.parent, second.deadline = u.parent, u.deadline
	defer second.finish()
	if !u.join(&second.flight) {
		return
	}
	answer := target.ProtoReflect().New().Interface()
	stop := context.AfterFunc(u.parent, second.flight.cancel)
	err := second.send(second.context(u.parent), other, u.method, u.args, answer, nil, 0)
	if !stop() && u.parent.Done() != nil {
		second.spoilt = true
	}
	u.leave(err, answer)
}
