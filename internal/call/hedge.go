// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"

	"google.golang.org/grpc/grpclog"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/hook"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// hedgeSilence runs when a call has been silent for the hedge delay. It casts doubt on the endpoint, and sends a read
// to another one as well, again where that fails in a way that passes: during an election all members may refuse it. If neither
// answers, a read leaves the silent endpoint once that freezes. A write stays: it may have been applied, and its answer may
// still come.
func hedgeSilence(u *unary, calls *pool) {
	u.link.Doubt()
	if u.traits&read == 0 {
		return
	}
	if u.path == pb.KV_Txn_FullMethodName && u.link.Fragile() {
		return // the attempt must not be cancelled
	}
	u.leaveWith(u.link)
	if _, ok := u.reply.(proto.Message); u.options.Pinned || !ok {
		return
	}
	if len(u.options.Rest) > 0 {
		return // gRPC may write what both attempts bring to one place, such as grpc.Header
	}
	take := u.shared.budget.take
	for n := 0; hedgeOnce(u, calls, take) && u.silentAfter(retryWait(n)); n++ {
		take = u.shared.budget.spare
		u.link.DoubtAgain() // it is well only as long as it has a leader, and may have lost it since
	}
}

// hedgeOnce sends a read to another endpoint as well, if there is one and the budget has enough. It reports whether to try again: there was
// none, or that failed in a way that passes.
func hedgeOnce(u *unary, calls *pool, take func() bool) (again bool) {
	other := u.shared.Links.Other(u.link)
	if other == nil {
		return true
	}
	defer other.Release()
	if u.path == pb.KV_Txn_FullMethodName && other.Fragile() {
		return true
	}
	if !take() {
		return true
	}
	second := calls.get(u.traits)
	second.parent, second.deadline, second.link = u.parent, u.deadline, other
	second.options.Pinned = true // a hedge is not hedged again
	defer calls.put(second)
	if !u.join(&second.flight) {
		return false
	}
	u.progress.Hedges()
	observed := u.options.Trace.Attempt(u.parent, other.Address(), true)
	defer observed.End(hook.ErrCutOff, false) // where an interceptor ends the goroutine
	// The attempt may write its own answer to the reply now, so the hedge needs another message.
	answer := reflect.New(reflect.TypeOf(u.reply).Elem()).Interface().(proto.Message)
	began := member.Clock()
	err := recovering(func() error {
		return second.send(second.context(u.parent), other, u.path, u.args, answer, second.with(&u.options), u.shared.HedgeDelay)
	})
	if err == nil {
		other.HeardFrom(began)
	}
	err = etcderr.FromRPC(err, etcderr.Call{Method: u.method, Endpoint: other.Address(), Sent: true, Read: true})
	won, late := u.leave(err, answer)
	if won {
		u.answeredBy(other)
	}
	observed.End(err, late)
	return !won && !late && repeatable(err, u.traits, false)
}

// leaveWith ends the attempt under way when its link leaves service.
func (f *flight) leaveWith(l *member.Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != hedged {
		return
	}
	attempt := f.landed
	f.unwatch = context.AfterFunc(l.Service(), func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.state == hedged && f.landed == attempt {
			f.state = left
			f.cancel()
		}
	})
}

// join makes second the flight of the hedge, which ends with the attempt. It reports whether there is still something
// to hedge: an attempt that has left its link makes room for the next one instead.
func (f *flight) join(second *flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != hedged || f.ctx.Err() != nil {
		return false
	}
	f.second = second
	return true
}

// leave ends the hedge. A first answer of the hedge ends the attempt too, and so does a refusal for good: the hedge has won then. Late
// says that the attempt was over before.
func (f *flight) leave(err error, answer proto.Message) (won, late bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.second = nil
	late = f.state == grounded
	won = (err == nil || decisive(err)) && (f.state == hedged || f.state == left)
	if won {
		f.state, f.answer, f.refusal = answered, answer, err
		f.cancel()
	}
	return won, late
}

var logger = grpclog.Component("eetcd")

// recovering makes the attempt of a hedge. The panic of an interceptor would end the process here, where no caller can recover it. The
// hedge fails, and the call goes on without it.
func recovering(send func() error) (err error) {
	defer func() {
		if said := recover(); said != nil {
			logger.Errorf("a hedged read panicked: %s\n%s", tell.Line(fmt.Sprint(said)), debug.Stack())
			err = hook.ErrCutOff
		}
	}()
	return send()
}
