// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/report"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// stand has what a connection knows of a key under a lease of the user's. It tells a key that somebody holds from a key that a call
// has left behind. Such a key would stay in the queue as long as the lease lives, and nobody behind it would get a turn. It may
// also arrive late: when the call has given up, or when the lock was taken by another attempt and released.
//
//	a call enters           it takes over, and deletes what has come late before it begins
//	calls are at work       nothing is deleted
//	the last one leaves     the key that they have put is deleted, unless one of them has returned with it
//	a put got no answer     for a while longer, a key that comes is deleted
type stand struct {
	hub *hub
	key string

	// The hub's lock guards what follows.
	calls   int       // at work
	known   bool      // whether before is known
	before  int64     // create revision of the key that was there before the calls, 0 if none was
	kept    int64     // of the key that a call has returned with, 0 if none has
	left    int64     // of the key that a call has put and given up, 0 if none has
	dirty   bool      // there may be another one, or a request on its way to delete it
	late    time.Time // until when another one may come
	lookOut func()    // ends the look-out for it; nil if there is none
}

// hub keeps the stands of a connection, and the entries of its claims.
type hub struct {
	entries  report.Set[*entry]
	returned returned

	mu     sync.Mutex
	stands map[string]*stand
}

type hubKey struct{}

func hubOf(c *engine.Conn) *hub {
	return c.Attach(hubKey{}, func() any { return &hub{stands: map[string]*stand{}} }).(*hub)
}

var _ engine.Reporter = (*hub)(nil)

// Report tells about the claims of the connection that are under way, and about those that users hold.
func (h *hub) Report(to *report.Services) {
	for _, e := range h.entries.All() {
		to.Claims = append(to.Claims, e.told())
	}
	to.Claims = append(to.Claims, h.returned.all()...)
}

// enlist has reports tell about a claim in the queue, until the returned function is called.
func (h *hub) enlist(q *queue, kind string) (leave func()) {
	e := newEntry(kind, strings.TrimSuffix(q.prefix, "/"))
	q.entry = e
	h.entries.Add(e)
	return func() { h.entries.Remove(e) }
}

// enter notes that a call begins to work on the key of a place.
func enter(p *place) *stand {
	h := hubOf(p.queue.conn)
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stands[p.key]
	if s == nil {
		s = &stand{hub: h, key: p.key}
		h.stands[p.key] = s
	}
	s.calls++
	if s.lookOut != nil {
		s.lookOut()
		s.lookOut = nil
	}
	return s
}

// begin looks for the key before the call puts anything, and deletes a key that has arrived late.
func (s *stand) begin(waiting context.Context, p *place) error {
	for {
		there, err := p.find(waiting)
		if err != nil || s.begun(there) {
			return err
		}
		if err := p.remove(waiting, there.rev); err != nil {
			return err
		}
	}
}

// begun notes what existed before the call. It reports false if that key has arrived late.
func (s *stand) begun(there found) bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	switch {
	case s.known:
		return true
	case s.dirty && s.stray(there):
		return false
	}
	s.known, s.before, s.kept, s.left, s.dirty = true, there.rev, 0, 0, false
	return true
}

// stray reports whether nobody holds the key that exists. A key that another client has overwritten without the lease counts too,
// if a call has put it. The hub's lock is held.
func (s *stand) stray(there found) bool {
	ours := there.ours || there.rev != 0 && there.rev == s.left
	return ours && there.rev != s.before && there.rev != s.kept
}

// leave notes that a call ends: it holds the key, or has given up. If that leaves a key behind, leave waits until the key is
// deleted.
func (s *stand) leave(waiting context.Context, p *place, holds bool) {
	s.hub.mu.Lock()
	switch {
	case holds:
		s.kept = p.rev
	case p.rev != 0 && p.rev != s.before:
		s.dirty, s.left = true, p.rev
	}
	if until := p.givenUp.Add(lateness); p.unanswered > 0 {
		s.dirty = true
		if until.After(s.late) {
			s.late = until
		}
	}
	s.calls--
	var looking context.Context
	switch {
	case s.calls > 0:
	case s.dirty || time.Now().Before(s.late):
		s.known, s.dirty = false, true
		looking, s.lookOut = context.WithCancel(context.Background())
	default:
		delete(s.hub.stands, s.key)
	}
	s.hub.mu.Unlock()
	if looking == nil {
		return
	}
	p = &place{queue: p.queue.anywhere(), key: p.key, lease: p.lease}
	tidy(waiting, p.queue.conn, tidyShort, func(life context.Context, done func()) {
		if holds {
			done()
		}
		life, stop := whileBoth(life, looking)
		defer stop()
		s.look(life, p, done)
		s.looked(looking)
	})
}

// look deletes a key that nobody holds, until no key exists and none can arrive any more.
func (s *stand) look(life context.Context, p *place, done func()) {
	s.hub.mu.Lock()
	until := s.late
	s.hub.mu.Unlock()
	var rest wait.Pause
	for {
		there, err := p.find(life)
		if err != nil {
			return
		}
		s.hub.mu.Lock()
		stray := s.stray(there)
		s.hub.mu.Unlock()
		if stray {
			if p.remove(life, there.rev) != nil {
				return
			}
			done()
			continue
		}
		left := time.Until(until)
		if left <= 0 {
			return
		}
		// What is on its way over a slow link comes soon.
		soon := time.AfterFunc(comesSoon, done)
		waiting, stop := context.WithTimeout(life, left)
		err = p.queue.created(waiting, p.key, there.at)
		stop()
		soon.Stop()
		if Final(err) || err != nil && !rest.Sleep(life) {
			return
		}
	}
}

// comesSoon is how long a call that gives up waits for its own put without an answer, to delete its key.
const comesSoon = 300 * time.Millisecond

// looked ends a look-out, unless a call has taken over.
func (s *stand) looked(looking context.Context) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if looking.Err() == nil && s.lookOut != nil {
		s.lookOut()
		s.lookOut = nil
		delete(s.hub.stands, s.key)
	}
}
