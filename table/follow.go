// SPDX-License-Identifier: Apache-2.0

package table

import (
	"context"
	"fmt"
	"iter"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/kv"
)

// Follow makes a table of a key or, with WithPrefix, WithRangeEnd or WithFromKey, of a range of keys. decode makes a V of each pair:
// it is [String], [Bytes], [JSON], [Proto], or a function of the caller's. Follow returns once the table has the whole range. The
// table lives until parent ends, the connection closes, or [Table.Close] is called.
//
// Follow waits through an outage until parent ends. WithTimeout bounds that wait. The error then contains the last failure. A refusal
// of the servers, such as etcderr.ErrPermissionDenied, ends the wait at once. A request that makes no sense is kv.ErrInvalid, and
// nothing was sent. WithEndpoint follows one member.
//
// A value that does not decode does not end the table: see [Status] and [WithOnError]. A panic of decode counts as such a value, with
// a *[PanicError].
//
// Behind a gRPC proxy a range may have keys that no watch reaches, see watch.ErrBeyond. Such a table lists its range again every few
// seconds, and its Status has that error.
//
// It calls KV/Range, KV/RangeStream and Watch/Watch.
func Follow[V any](parent context.Context, c Request, decode func(*mvccpb.KeyValue) (V, error), opts ...Option[V]) (*Table[V], error) {
	o := optionsOf(opts)
	err := check(parent, c, "a table.Follow request", decode == nil)
	if o.fallback != nil {
		err = render.AlsoInvalid(err, "table: WithDefault is for Live only")
	}
	if err != nil {
		return nil, err
	}
	return start(parent, c, decode, o)
}

func check(parent context.Context, c Request, request string, noDecoder bool) error {
	err := render.Check(c, request, render.RangeInOrder)
	if rendered, failed := render.Range(c); failed != nil {
		if err == nil {
			err = failed
		}
	} else if len(rendered.GetKey()) == 0 && len(rendered.GetRangeEnd()) == 0 {
		err = render.AlsoInvalid(err, "table: a table needs WithKey; every key is WithKey(\"\") and WithPrefix")
	}
	if sealed.Ctx(c).Limit() != 0 {
		err = render.AlsoInvalid(err, "table: WithLimit and WithFirstKey do not apply, a table has its whole range")
	}
	if noDecoder {
		err = render.AlsoInvalid(err, "table: the decoder is nil")
	}
	if parent == nil {
		err = render.AlsoInvalid(err, "table: the parent context is nil")
	}
	return err
}

func start[V any](parent context.Context, c Request, decode func(*mvccpb.KeyValue) (V, error), o options[V]) (*Table[V], error) {
	to, err := engine.Lookup(sealed.Ctx(c).Conn())
	if err != nil {
		return nil, err
	}
	if parent.Err() != nil {
		return nil, fmt.Errorf("table: %w", tell.Ended(parent))
	}
	timeout, bounded := sealed.Ctx(c).Timeout()
	c = c.WithTimeout(to.DefaultTimeout()) // of each request
	t := &Table[V]{replica: newReplica[V](), listed: make(chan struct{}), done: make(chan struct{})}
	t.follower, err = follow.New(parent, follow.Spec{
		Request: c, List: kv.Pages, Known: func() iter.Seq2[string, int64] { return t.replica.snapshot().known },
		Watch: ctx.Ctx.WithProgressNotify, // so that Status has a recent revision in quiet times
	})
	if err != nil {
		return nil, err
	}
	if r, err := render.Range(c); err == nil {
		t.keys = report.RangeOf(r.GetKey(), r.GetRangeEnd())
	}
	t.replica.shows = t.follower.Shown
	t.waiter = waiter[V]{request: c, replica: t.replica, follower: t.follower, done: t.done, ended: t.ended}
	feed := &feeder[V]{replica: t.replica, decoder: decoder[V]{decode, o.validate}, onError: o.onError}
	err = to.Go(func(life context.Context) {
		defer tablesOf(to).enlist(t)()
		t.run(life, feed)
	})
	if err != nil {
		t.follower.Close()
		return nil, err
	}
	if o.onChange != nil {
		if err := to.Go(func(life context.Context) { t.tell(life, o.onChange) }); err != nil {
			_ = t.Close()
			return nil, err
		}
	}
	waiting, cancel := parent, context.CancelFunc(func() {})
	if bounded {
		waiting, cancel = context.WithTimeout(parent, timeout)
	}
	defer cancel()
	select {
	case <-t.listed:
		return t, nil
	case <-t.done:
	case <-waiting.Done():
		_ = t.Close()
	}
	return nil, t.unlisted(waiting)
}
