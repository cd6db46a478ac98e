// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"context"
	"sync"
	"time"
)

// lodgers are the presences that share the lease of a session, by key. A session has each key once, but one that is leaving
// makes room for the next one.
type lodgers struct {
	mu    sync.Mutex
	byKey map[string]*lodger
}

// lodger is a presence in its session.
type lodger struct {
	key      string
	staying  context.Context    // of the presence
	yielding context.Context    // ends when the next presence for the key takes over
	takeOver context.CancelFunc // ends yielding
	before   *lodger            // whose place it takes; nil without one
	gone     chan struct{}      // closed when the presence has nothing to do any more

	// What it has not deleted, for the next one. Set before gone is closed.
	own  []int64
	late time.Time
}

func newLodger(key string, staying context.Context) *lodger {
	l := &lodger{key: key, staying: staying, gone: make(chan struct{})}
	l.yielding, l.takeOver = context.WithCancel(context.Background())
	return l
}

// enter takes a presence in. It reports false if the key is taken.
func (ls *lodgers) enter(l *lodger) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	before := ls.byKey[l.key]
	if before != nil && before.staying.Err() == nil {
		return false
	}
	l.before = before
	if ls.byKey == nil {
		ls.byKey = map[string]*lodger{}
	}
	ls.byKey[l.key] = l
	return true
}

// exit takes out a presence that has never run, or has ended.
func (ls *lodgers) exit(l *lodger) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.byKey[l.key] == l {
		delete(ls.byKey, l.key)
	}
}

// inherit takes over from the presence that had the key before: the next one has to delete what that has not. Without one it
// returns nothing, and also if life ends first.
func (l *lodger) inherit(life context.Context) (own []int64, late time.Time) {
	before := l.before
	if before == nil {
		return nil, time.Time{}
	}
	l.before = nil
	before.takeOver()
	select {
	case <-before.gone:
		return before.own, before.late
	case <-life.Done():
		return nil, time.Time{}
	}
}
