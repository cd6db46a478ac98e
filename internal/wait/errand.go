// SPDX-License-Identifier: Apache-2.0

package wait

import "sync"

// Errand runs a function on a goroutine of its own each time there is something to do. In between no goroutine waits. Runs do not
// overlap. A run may end its goroutine by runtime.Goexit. Its methods are safe for concurrent use.
type Errand struct {
	do   func()
	runs sync.WaitGroup

	mu      sync.Mutex
	running bool
	again   bool // the run under way is followed by another one
	stopped bool
}

// NewErrand returns an Errand that runs do.
func NewErrand(do func()) *Errand { return &Errand{do: do} }

// Run starts a run, or another one after the one under way. It never blocks.
func (e *Errand) Run() {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.stopped:
	case e.running:
		e.again = true
	default:
		e.running = true
		e.runs.Go(e.run)
	}
}

func (e *Errand) run() {
	returned := false
	defer func() {
		if !returned && e.more() { // runtime.Goexit ends this goroutine
			e.runs.Go(e.run)
		}
	}()
	for more := true; more; more = e.more() {
		e.do()
	}
	returned = true
}

func (e *Errand) more() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running, e.again = e.again && !e.stopped, false
	return e.running
}

// Stop prevents further runs, and waits for the one under way. The function must not call it. The Errand lets go of the function, and
// of what that refers to, because its owner may keep the Errand.
func (e *Errand) Stop() {
	e.mu.Lock()
	e.stopped = true
	e.mu.Unlock()
	e.runs.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.do = nil
}
