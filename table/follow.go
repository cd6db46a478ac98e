// SPDX-License-Identifier: Apache-2.0

package table

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/recipe/claim"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/kv"
)

// Follow makes a table of a key or, with WithPrefix, WithRangeEnd or WithFromKey, of a range of keys. decode makes a V of each pair:
// [String], [Bytes], [JSON], [Proto], or a function of the caller's. It returns when the table has everything. The table lives until
// parent ends, the connection closes, or [Table.Close] is called.
//
// Follow waits through an outage as long as it takes. WithTimeout bounds the wait, and the error says what Follow waited for. A
// request that the servers refuse ends it at once, such as etcderr.ErrPermissionDenied. WithEndpoint follows one member. A request
// that makes no sense is kv.ErrInvalid; nothing was sent.
//
// A value that does not decode ends nothing: see [Status] and [WithOnError]. A panic of decode counts as such a value, with a
// *[PanicError].
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
	t := &Table[V]{request: c, options: o, copy: newReplica[V](), listed: make(chan struct{}), done: make(chan struct{})}
	t.follower, err = follow.New(parent, follow.Spec{
		Request: c, List: kv.Pages, Known: func() iter.Seq2[string, int64] { return t.copy.snapshot().known },
	})
	if err != nil {
		return nil, err
	}
	if err := to.Go(func(life context.Context) { t.run(life, decode) }); err != nil {
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

// unlisted returns why the first list did not come about.
func (t *Table[V]) unlisted(waiting context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case waiting.Err() == nil:
		return t.err
	case t.met != nil:
		return fmt.Errorf("table: the keys are not listed: %w: %w", tell.Ended(waiting), t.met)
	default:
		return fmt.Errorf("table: the keys are not listed: %w", tell.Ended(waiting))
	}
}

// run is the goroutine of a table. It takes one step after the other.
func (t *Table[V]) run(life context.Context, decode func(*mvccpb.KeyValue) (V, error)) {
	defer close(t.done)
	defer context.AfterFunc(life, t.follower.Close)()
	var part staged[V]
	for step, err := range t.follower.Steps() {
		if err == nil {
			t.take(step, &part, decode)
			continue
		}
		if t.isListed() {
			continue // it passes, and Status tells it
		}
		t.mu.Lock()
		t.met = err
		t.mu.Unlock()
		if claim.Final(err) && !lostHistory(err) {
			t.end(err)
			return
		}
	}
	err := t.follower.Err()
	if err == nil && life.Err() != nil {
		err = connerr.ErrClosed
	}
	t.end(err)
}

// lostHistory reports whether a list failed because its revision does not exist any more. The next list has another one.
func lostHistory(err error) bool {
	return errors.Is(err, etcderr.ErrCompacted) || errors.Is(err, etcderr.ErrFutureRev)
}

func (t *Table[V]) end(err error) {
	t.follower.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.err = err
	}
}

func (t *Table[V]) isListed() bool {
	select {
	case <-t.listed:
		return true
	default:
		return false
	}
}

// staged is what has been read of a list that is not complete.
type staged[V any] struct {
	records []*record[V]
	// held are events of the watch before the revision that a proof has shown meanwhile. What they do and undo is not shown any
	// more: they go with the next step.
	held []*mvccpb.Event
}

// take takes a step of the follower into the table.
func (t *Table[V]) take(step follow.Step, list *staged[V], decode func(*mvccpb.KeyValue) (V, error)) {
	switch step.Part {
	case 0:
		list.records, step.Events = nil, append(list.held, step.Events...)
	case 1:
		list.records, list.held = nil, nil
	}
	var at map[string]int // a watch may report a key more than once
	if step.Part == 0 {
		at = make(map[string]int, len(step.Events))
	}
	for _, event := range step.Events {
		pair := event.GetKv()
		i, again := at[string(pair.GetKey())]
		var now *record[V]
		if again {
			now = list.records[i]
		} else {
			now = t.copy.index.get(string(pair.GetKey()))
		}
		r := t.record(event, now, decode)
		if again {
			list.records[i] = r
			continue
		}
		if at != nil {
			at[r.entry.Key] = len(list.records)
		}
		list.records = append(list.records, r)
	}
	if step.More {
		return
	}
	list.held = nil
	if !t.copy.change(list.records, step) {
		list.held = step.Events
	}
	list.records = nil
	if !t.isListed() {
		close(t.listed)
	}
}

// record returns what an event makes of a key that has a record now, nil if it has none.
func (t *Table[V]) record(event *mvccpb.Event, now *record[V], decode func(*mvccpb.KeyValue) (V, error)) *record[V] {
	pair := event.GetKv()
	if event.GetType() == mvccpb.Event_DELETE {
		return &record[V]{entry: Entry[V]{Key: string(pair.GetKey())}, mod: pair.GetModRevision(), gone: true}
	}
	value, err := t.options.decoded(decode, pair)
	if err == nil {
		return &record[V]{entry: entryOf(pair, value), mod: pair.GetModRevision(), shown: true}
	}
	if t.options.onError != nil {
		t.options.onError(string(pair.GetKey()), err)
	}
	r := &record[V]{entry: Entry[V]{Key: string(pair.GetKey())}, mod: pair.GetModRevision(), bad: true}
	if now != nil && now.shown && now.entry.CreateRev == pair.GetCreateRevision() { // otherwise it is the value of another key
		r.entry, r.shown = now.entry, true
	}
	return r
}

// tell calls f with every change, until the table is closed or the connection is.
func (t *Table[V]) tell(life context.Context, f func(Change[V])) {
	select {
	case <-t.listed:
	case <-t.done:
	}
	for change := range t.Changes() {
		t.mu.Lock()
		closed := t.closed
		t.mu.Unlock()
		if closed || life.Err() != nil {
			return
		}
		f(change)
	}
}
