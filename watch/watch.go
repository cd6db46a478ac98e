// SPDX-License-Identifier: Apache-2.0

// Package watch reports every change of a key or a range of keys: in order, exactly once, and across the loss of members and
// connections.
//
//	all, err := kv.Get(ctx, base.WithPrefix())
//	w, err := watch.Watch(ctx, base.WithPrefix().WithStartRevision(all.GetHeader().GetRevision()+1))
//	if err != nil {
//		return err
//	}
//	defer w.Close()
//	for event, err := range w.Events() {
//		if err != nil {
//			return err // the watch has ended: see CompactedError and RewoundError
//		}
//		fmt.Println(event.GetType(), string(event.GetKv().GetKey()), event.GetKv().GetModRevision())
//	}
//
// The watches of a connection share streams. If a stream breaks, the SDK opens another one, on another endpoint if necessary.
// Each watch continues after the last revision that it has received.
//
// A watch with a slow reader holds at most its buffer in memory. When the buffer is full, the watch is taken off the server until
// the buffer has room. Nothing is lost while the server keeps the history, and no other watch waits.
//
// Its counterpart in eetcd is the module eetcd_watch: see docs/eetcd.md.
package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Option is an option of [Watch].
type Option func(*options)

type options struct {
	buffer int
}

// WithBuffer sets how many bytes of memory the events may take that wait for the reader. The default is [DefaultBuffer], 4 MiB.
// A single response that is larger is still delivered. Less than 1 is kv.ErrInvalid.
func WithBuffer(bytes int) Option { return func(o *options) { o.buffer = bytes } }

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in every
// package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Key returns a request with a key and without a connection. WithConn adds one.
func Key(key string) Request { return ctx.Key(key) }

// Watch watches a key or, with WithPrefix, WithRangeEnd or WithFromKey, a range of keys. It begins now, or at WithStartRevision,
// which may lie in the past or in the future. It returns when the server has created the watch.
//
// parent bounds the life of the watch, and WithTimeout bounds its creation. If neither sets a time, the creation may take the
// default timeout of the connection: 5 s, unless conn.WithDefaultTimeout sets another. The error says what the call waited for.
//
// WithFilterPut and WithFilterDelete leave events out. WithPrevKV adds the value before each change, while the server keeps
// it. WithProgressNotify asks the server for responses without events in quiet times, about every 10 minutes. Where events are
// large, the server splits its responses and the SDK puts the revisions together again. With WithFragment the server splits them
// always, and the reader gets the parts.
//
// It returns kv.ErrInvalid for a request with mistakes, conn.ErrNotOpen, conn.ErrUnavailable if no endpoint has been Active
// for longer than the connection has patience, and an [*etcderr.Error] such as [etcderr.ErrPermissionDenied] where the server
// refuses. A start revision that has been compacted is no error here. The Watcher then ends with a [CompactedError]. Watch is safe
// for concurrent use. It calls Watch/Watch.
func Watch(parent context.Context, c Request, opts ...Option) (*Watcher, error) {
	o := options{buffer: DefaultBuffer}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	request, err := requestOf(parent, c, o)
	if err != nil {
		return nil, err
	}
	to, err := engine.Lookup(sealed.Ctx(c).Conn())
	if err != nil {
		return nil, err
	}
	if err := parent.Err(); err != nil {
		return nil, contextEnded(parent, nil)
	}
	creating := parent // bounds the creation
	timeout, bounded := sealed.Ctx(c).Timeout()
	if !bounded {
		timeout = to.DefaultTimeout()
		_, bounded = parent.Deadline()
		bounded = !bounded
	}
	if bounded {
		var cancel context.CancelFunc
		creating, cancel = context.WithTimeout(parent, timeout)
		defer cancel()
	}
	at := place{}
	at.endpoint, at.pinned = sealed.Ctx(c).Endpoint()
	at.paced = request.Fragment // such events are large
	w, err := create(creating, hubOf(to), request, o.buffer, at)
	if err == nil && w.early {
		// Until the start revision comes, the server answers no progress request on the stream. So the watch gets one of its own.
		_ = w.Close()
		at.alone = true
		w, err = create(creating, hubOf(to), request, o.buffer, at)
	}
	if err != nil {
		return nil, err
	}
	w.bind(parent)
	return w, nil
}

// requestOf makes the request, or returns an error with everything that is wrong with it.
func requestOf(parent context.Context, c ctx.Ctx, o options) (*pb.WatchCreateRequest, error) {
	request, err := render.WatchCreate(c)
	var wrong []string
	if err != nil {
		var invalid *ctx.InvalidError
		if !errors.As(err, &invalid) {
			return nil, err
		}
		wrong = append(wrong, invalid.Conflicts...)
	} else {
		if len(request.Key) == 0 {
			wrong = append(wrong, "watch: a watch needs a key, or WithPrefix for all keys")
		}
		if request.StartRevision < 0 {
			wrong = append(wrong, fmt.Sprintf("watch: WithStartRevision(%d) is negative", request.StartRevision))
		}
	}
	if o.buffer < 1 {
		wrong = append(wrong, fmt.Sprintf("watch: WithBuffer(%d) is less than 1", o.buffer))
	}
	if parent == nil {
		wrong = append(wrong, "watch: the parent context is nil")
	}
	if len(wrong) > 0 {
		return nil, &ctx.InvalidError{Conflicts: wrong}
	}
	return request, nil
}

// create makes a watch and waits until the server has created it.
func create(creating context.Context, h *hub, request *pb.WatchCreateRequest, buffer int, at place) (*Watcher, error) {
	w := newWatcher(h, request, buffer)
	if err := h.join(&w.feed, at); err != nil {
		return nil, err
	}
	select {
	case <-w.created:
	case <-w.done:
		if !w.exists() {
			return nil, w.Err()
		}
		// It was created, and ended at once, as a watch of a compacted revision does. The Watcher tells why.
	case <-creating.Done():
		waited := h.lost(&w.feed)
		_ = w.Close()
		return nil, contextEnded(creating, cmp.Or(waited, errUncreated))
	}
	return w, nil
}
