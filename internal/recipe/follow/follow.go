// SPDX-License-Identifier: Apache-2.0

// Package follow tells what happens to a range of keys as one sequence of steps: first the keys that exist, then each change of
// them. When the history ends, because of a compaction or because the store has gone back, it lists the keys again, and tells the
// difference as changes.
//
//	first part of a list ──> … ──> last part ──> events ──> events ──> …
//	         ^                                              │
//	         └────── compacted, gone back, refused, … ──────┘
package follow

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire/past"
	"github.com/eetcd-go/eetcd/watch"
)

// Follower follows a range of keys. It has one reader at a time. Its other methods are safe for concurrent use.
type Follower struct {
	spec   Spec
	conn   *engine.Conn
	parent context.Context
	life   context.Context
	end    context.CancelFunc

	seen *past.Past // of the connection

	reading atomic.Bool
	// What follows is the reader's.
	past   history
	fresh  *watch.Watcher // goes on after a list that is told and not shown yet; else nil
	resync bool           // that list is not the first one
	rest   wait.Pause
	failed error // the last attempt, nil if there is nothing to pause for

	mu      sync.Mutex
	watcher *watch.Watcher // nil unless everything up to its first event is shown
	behind  Status         // what holds without it
	err     error
}

// New returns a follower that lives until parent ends or Close is called. It sends nothing before Steps is read.
func New(parent context.Context, s Spec) (*Follower, error) {
	to, err := engine.Lookup(sealed.Ctx(s.Request).Conn())
	if err != nil {
		return nil, err
	}
	if s.List == nil {
		s.List = once
	}
	if s.Watch == nil {
		s.Watch = func(c ctx.Ctx) ctx.Ctx { return c }
	}
	f := &Follower{spec: s, conn: to, parent: parent, seen: past.Of(to)}
	if f.past = s.After.on(f.seen); s.From > 0 {
		f.past = history{rev: s.From, epoch: f.seen.Epoch(), begun: true, certain: true}
	}
	f.behind = Status{Rev: s.From, Since: time.Now()}
	f.life, f.end = context.WithCancel(parent)
	return f, nil
}

// History returns what the follower has told, or what Spec says that an earlier one has. Only its reader calls it.
func (f *Follower) History() History { return History{f.seen, f.past} }

// Close ends the follower, and a loop over its steps.
func (f *Follower) Close() { f.end() }

// Err returns why the follower has ended: the error of its parent context, the end of its connection, or a mistake in its request. It
// is nil while the follower lives and after Close.
func (f *Follower) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

var errInUse = errors.New("follow: another reader is at work")

// Steps returns what happens. An error is a failure of the moment: the follower pauses and tries again if the loop goes on, so the
// reader decides what it does not wait for. The last turn is the error of Err if the follower has ended with one. To leave the
// loop leaves the follower open. The next loop goes on where it ended, or begins a list that was not complete again.
func (f *Follower) Steps() iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		if !f.reading.CompareAndSwap(false, true) {
			yield(Step{}, errInUse)
			return
		}
		defer f.reading.Store(false)
		for f.pause() {
			err := f.attempt(func(s Step) bool { return yield(s, nil) })
			if errors.Is(err, errLeft) {
				return
			}
			if f.life.Err() != nil {
				break
			}
			f.fail(err)
			if f.Err() != nil {
				break
			}
			if !yield(Step{}, err) {
				return
			}
		}
		f.drop()
		if f.parent.Err() != nil {
			f.endWith(tell.Ended(f.parent))
		}
		if err := f.Err(); err != nil {
			yield(Step{}, err)
		}
	}
}

// pause waits before the next attempt. It reports whether there is to be one.
func (f *Follower) pause() bool {
	failed := f.failed
	f.failed = nil
	if f.life.Err() != nil || f.Err() != nil {
		return false
	}
	if failed == nil {
		return true
	}
	if !f.rest.Sleep(f.life) {
		return false
	}
	_, pinned := sealed.Ctx(f.spec.Request).Endpoint()
	if !pinned && errors.Is(failed, connerr.ErrUnavailable) {
		_ = f.conn.WaitReady(f.life) // or the next attempt fails
	}
	return f.life.Err() == nil
}

// attempt goes on until something fails. The name of the connection may belong to another cluster by now.
func (f *Follower) attempt(give func(Step) bool) error {
	if now, err := engine.Lookup(sealed.Ctx(f.spec.Request).Conn()); err != nil || now != f.conn {
		return connerr.ErrClosed
	}
	w := f.current()
	if w == nil {
		var err error
		w, err = f.begin(give)
		if errors.Is(err, connerr.ErrNotOpen) {
			return connerr.ErrClosed // since the look-up above
		}
		if err != nil {
			return err
		}
	}
	for response, err := range w.Responses() {
		if err != nil {
			return err
		}
		f.rest.Reset()
		step := f.stepOf(w, response)
		if (len(step.Events) > 0 || len(response.GetEvents()) == 0) && !give(step) {
			return errLeft
		}
	}
	if err := w.Err(); err != nil {
		return err
	}
	return errWatchEnded
}

var errWatchEnded = errors.New("follow: the watch has ended")

// Shown says that the reader shows the step that it has now. After the last part of a list the follower is in step from then on.
// Without this call it is so at the end of that turn of the loop. Only the reader calls Shown, within its loop.
func (f *Follower) Shown() {
	if f.fresh != nil {
		f.use(f.fresh, f.resync)
		f.fresh = nil
	}
}

// use makes w the watch that goes on after what has been told.
func (f *Follower) use(w *watch.Watcher, resynced bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watcher = w
	f.behind.Rev, f.behind.Age, f.behind.Since, f.behind.Err = f.past.rev, f.past.age, time.Now(), nil
	if resynced {
		f.behind.Resyncs++
	}
}

// stepOf returns the step of a response, without what a list has told already.
func (f *Follower) stepOf(w *watch.Watcher, response *pb.WatchResponse) Step {
	events := response.GetEvents()
	for len(events) > 0 && events[0].GetKv().GetModRevision() <= f.past.rev {
		events = events[1:]
	}
	f.past.told(max(f.past.rev, w.Rev()))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behind.Rev = f.past.rev
	return Step{Rev: f.past.rev, Age: f.past.age, Header: response.GetHeader(), Events: events}
}

func (f *Follower) current() *watch.Watcher {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.watcher
}

// fail notes a failure. The next attempt begins with a new list: what a watch that failed has missed cannot be known.
func (f *Follower) fail(err error) {
	f.failed = err
	f.past.broken(err)
	f.dropFor(err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(err, connerr.ErrClosed) || errors.Is(err, connerr.ErrNotOpen) || errors.Is(err, ctx.ErrInvalid) {
		f.err = err
	}
}

// drop ends the watch.
func (f *Follower) drop() { f.dropFor(nil) }

// dropFor ends the watch, and notes why there is none.
func (f *Follower) dropFor(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.behind.Err = err
	}
	if f.watcher == nil {
		return
	}
	f.behind.Since = time.Now()
	if s := f.watcher.Status(); !s.InStep && s.Err != nil {
		f.behind.Since = s.Since
	}
	_ = f.watcher.Close()
	f.watcher = nil
}

func (f *Follower) endWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Progress asks the server how far the watch is. The answer is a step without events, and comes when every event up to its revision
// has been told. There may be none while the keys are being listed, so whoever waits for a revision asks again. It returns
// [watch.ErrNoProgress] where the server does not answer, such as a gRPC proxy, and where the answer may come before the events, as
// from members before 3.4.25 and 3.5.8.
func (f *Follower) Progress(parent context.Context) error {
	w := f.current()
	if w == nil {
		return parent.Err()
	}
	for _, endpoint := range f.conn.Info() {
		etcd := strings.HasPrefix(endpoint.Version, "3.") // kine has versions of its own, or none
		if endpoint.Address == w.Status().Endpoint && etcd && !engine.Punctual(endpoint.Version) {
			return watch.ErrNoProgress
		}
	}
	return w.Progress(parent)
}

// Epoch returns the number of the present history of the store, for Proven.
func (f *Follower) Epoch() int64 { return f.seen.Epoch() }

// Proven tells the follower of an answer that shows its keys unchanged up to a later revision than the watch does. So it notices a
// store that goes back below that. epoch is that of a moment before the question.
func (f *Follower) Proven(epoch int64, by *pb.ResponseHeader) { f.seen.Note(epoch, by, nil) }

// Status returns where the follower stands. It never blocks on the network.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.behind
	if f.watcher == nil {
		return s
	}
	at := f.watcher.Status()
	s.InStep, s.Err = at.InStep, at.Err
	if at.Since.After(s.Since) {
		s.Since = at.Since
	}
	return s
}
