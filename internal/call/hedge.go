// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"reflect"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/member"
)

// hedgeSilence runs when a call has been silent for the hedge delay. It casts doubt on the endpoint, and sends a read
// to another one as well. If neither answers, a read leaves the silent endpoint once that freezes. A write stays: it
// may have been applied, and its answer may still come.
func hedgeSilence(u *unary, calls *pool) {
	u.link.Doubt()
	if u.traits&read == 0 {
		return
	}
	u.leaveWith(u.link)
	if _, ok := u.reply.(proto.Message); u.options.Pinned || !ok {
		return
	}
	if len(u.options.Rest) > 0 {
		return // gRPC may write what both attempts bring to one place, such as grpc.Header
	}
	other := u.shared.Links.Other(u.link)
	if other == nil {
		return
	}
	defer other.Release()
	if !u.shared.budget.take() {
		return
	}
	second := calls.get(u.traits)
	second.parent, second.deadline, second.link = u.parent, u.deadline, other
	second.options.Pinned = true // a hedge is not hedged again
	defer calls.put(second)
	observed := u.options.Trace.Attempt(u.parent, other.Address(), true)
	if !u.join(&second.flight) {
		observed.End(etcderr.FromRPC(context.Canceled, etcderr.Call{Method: u.method, Endpoint: other.Address()}), true)
		return
	}
	// The attempt may write its own answer to the reply now, so the hedge needs another message.
	answer := reflect.New(reflect.TypeOf(u.reply).Elem()).Interface().(proto.Message)
	began := member.Clock()
	err := second.send(second.context(u.parent), other, u.path, u.args, answer, nil, u.shared.HedgeDelay)
	if err == nil {
		other.HeardFrom(began)
	}
	err = etcderr.FromRPC(err, etcderr.Call{Method: u.method, Endpoint: other.Address(), Sent: true, Read: true})
	late := u.leave(err, answer)
	if err == nil && !late {
		u.options.Trace.AnsweredBy(other.Address())
	}
	observed.End(err, late)
}
