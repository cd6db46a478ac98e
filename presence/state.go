// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/connerr"
)

// State is whether the key is there.
type State struct {
	Present bool      // the key is there, under the lease; a value that Set is about to write may be missing yet
	Rev     int64     // revision of the last put of the key; 0 while it is absent
	Lease   int64     // ID of the lease; 0 while it is absent
	Since   time.Time // since when Present is what it is
	// Err says why the key is absent, and what the last attempt to return has met. It is nil while Present, and after Leave.
	Err error
}

// stage is the state of a presence:
//
//	state    event                                               next
//	joining  the key is put and the servers have answered        present
//	         the key is there under another lease                joining: Keep waits until that is gone
//	         an outage, or what passes                           joining: the same again, with a pause
//	         the servers refuse it, or Keep gives up             leaving
//	present  the lease is lost, or may be; the key is deleted,
//	         overwritten or taken over; the store has gone back  absent, or with WithoutReturn leaving
//	         a value of Set, or a late put of an older one       present: put again
//	absent   the key is put and the servers have answered        present
//	         the key is there under another lease                absent: it waits until that is gone
//	         an outage, or anything that is refused              absent: the same again, with a pause
//	any of   Leave, the end of parent, the end of the session    leaving
//	these    the connection is closed                            ended
//	leaving  the lease is revoked, or the key is deleted         left
//	         an outage, or what passes                           leaving: the same again, with a pause
//	         the servers refuse it, or the connection is closed  ended
//	left     -                                                   the key is gone
//	ended    -                                                   nothing is known of the key; its lease runs out
//
// In joining, present and absent a put is always under the present lease, and the server carries it out only if the key is as it
// was seen last: missing, without a lease, or under a lease that the presence has or had. One goroutine (attend.go) does all of
// it, so that one request at most is under way. In leaving nothing is put any more. A put without an answer may still be on its
// way: it fails with the lease that leaving revokes, since the ID is of one grant that was answered.
type stage uint8

const (
	joining stage = iota
	present
	absent
	leaving
	left
	ended
)

func (s stage) String() string {
	return [...]string{"joining", "present", "absent", "leaving", "left", "ended"}[s]
}

// view is what a presence shows. The owner changes it; anybody may look.
type view struct {
	done chan struct{} // closed when the key is gone, or given up

	mu      sync.Mutex
	shown   State
	shows   int // changes of it so far
	stage   stage
	changed chan struct{} // closed when shown or tenure changes
	tenure  *tenure       // the lease; nil without one
	met     error         // what the last attempt met
	untidy  error         // why the key may still be there; set before done is closed
}

func newView() view {
	return view{done: make(chan struct{}), changed: make(chan struct{}), shown: State{Since: time.Now()}}
}

// state returns the state at this moment.
func (v *view) state() State {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.look()
	return v.shown
}

// told returns what reports tell. It is state, and what the last attempt of a presence that joins or leaves has met.
func (v *view) told() (stage, State) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.look()
	s := v.shown
	if s.Err == nil && v.stage != present {
		s.Err = v.met
	}
	return v.stage, s
}

// next returns the state and how many there have been, a channel that is closed with the next one, and whether this is the last
// one.
func (v *view) next() (now State, shows int, changed <-chan struct{}, last bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.look()
	return v.shown, v.shows, v.changed, v.stage >= left
}

// look shows a present key as absent where the clock says that its lease may have ended. The lock is held.
func (v *view) look() {
	if v.stage == present && v.tenure.over() {
		v.show(absent, State{Err: v.tenure.reason()})
	}
}

// show notes a state. The lock is held.
func (v *view) show(to stage, s State) {
	s.Since = v.shown.Since
	if v.stage == joining || s.Present != v.shown.Present {
		s.Since = time.Now()
	}
	same := s.Present == v.shown.Present && s.Rev == v.shown.Rev && s.Lease == v.shown.Lease && text(s.Err) == text(v.shown.Err)
	v.stage = to
	if !same {
		v.shown = s
		v.shows++
		v.change()
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// change tells those who wait for one. The lock is held.
func (v *view) change() {
	close(v.changed)
	v.changed = make(chan struct{})
}

// begin notes that there is a lease, or with nil that there is none.
func (v *view) begin(t *tenure) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tenure = t
	v.change()
}

// lent returns the lease of a session, or the reason why there is none, and a channel that is closed when that changes.
func (v *view) lent() (*tenure, <-chan struct{}, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tenure == nil || v.tenure.over() {
		if v.shown.Err == nil {
			return nil, v.changed, ErrSession
		}
		return nil, v.changed, fmt.Errorf("%w: %w", ErrSession, v.shown.Err)
	}
	return v.tenure, nil, nil
}

// at returns the stage.
func (v *view) at() stage {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stage
}

// trouble returns what keeps the presence from its key: why that is absent, or what the last attempt met.
func (v *view) trouble() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stage == absent {
		return v.shown.Err
	}
	return v.met
}

// lastMet returns what the last attempt met.
func (v *view) lastMet() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.met
}

// answered notes that the servers have done what was asked of them.
func (v *view) answered() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.met = nil
}

// there notes that the key is there since a revision. It reports false if its lease may have ended.
func (v *view) there(rev int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tenure.over() {
		return false
	}
	v.show(present, State{Present: true, Rev: rev, Lease: v.tenure.id})
	return true
}

// lost notes why the key is not there. It returns the reason that is shown. joins says that the key has not been there yet.
func (v *view) lost(reason error) (shown error, joins bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.look()
	switch {
	case v.stage == joining:
		v.met = reason
	case v.stage == present, errors.Is(reason, ErrHeld) && !errors.Is(v.shown.Err, ErrHeld):
		v.show(absent, State{Err: reason})
	}
	return v.shown.Err, v.stage == joining
}

// failed notes what an attempt has met.
func (v *view) failed(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == connerr.ErrUnavailable && errors.Is(v.met, err) {
		return // what the attempt before met has the reasons
	}
	v.met = err
	if v.stage != absent {
		return
	}
	reason := v.shown.Err
	var before *meanwhile
	if errors.As(reason, &before) {
		reason = before.reason
	}
	v.show(absent, State{Err: &meanwhile{reason, err}})
}

// leaves notes that the presence is leaving, and why unless that is a call of Leave.
func (v *view) leaves(reason error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stage != joining {
		v.met = nil
	}
	v.show(leaving, State{Err: reason})
}

// ends notes the end of the presence, and why the key may still be there.
func (v *view) ends(reason, untidy error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	to := left
	if v.untidy = untidy; untidy != nil {
		to = ended
	}
	v.show(to, State{Err: reason})
	v.change()
	close(v.done)
}

// meanwhile is why a key is absent, with what the last attempt to return has met.
type meanwhile struct{ reason, met error }

func (m *meanwhile) Error() string   { return fmt.Sprintf("%v; since then: %v", m.reason, m.met) }
func (m *meanwhile) Unwrap() []error { return []error{m.reason, m.met} }
