// SPDX-License-Identifier: Apache-2.0

// Package life is the time from the opening of a connection to its end, with the goroutines that belong to it.
package life

import (
	"context"
	"sync"

	"github.com/eetcd-go/eetcd/internal/connerr"
)

// Life is a context that lasts until End, and the owner of goroutines. Its methods are safe for concurrent use.
type Life struct {
	context.Context
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup

	mu     sync.Mutex
	ending bool
}

// New begins a life.
func New() *Life {
	l := &Life{}
	l.Context, l.cancel = context.WithCancelCause(context.Background())
	return l
}

// Go runs f on a goroutine that End waits for. Once the life is ending it returns ErrClosed and does not run f. For
// a nil f it returns an error.
func (l *Life) Go(f func(life context.Context)) error {
	if f == nil {
		return connerr.ErrNoFunction
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return connerr.ErrClosed
	}
	l.tasks.Go(func() { f(l.Context) })
	return nil
}

// Fork runs f on a goroutine that End waits for. It is for goroutines that belong to the life themselves, so that End is
// still waiting for them: they are never refused.
func (l *Life) Fork(f func()) { l.tasks.Go(f) }

// End ends the context with the cause ErrClosed, and refuses further goroutines. The channel is closed when the last one has
// returned.
func (l *Life) End() (joined <-chan struct{}) {
	l.mu.Lock()
	l.ending = true // what is waited for does not grow any more
	l.mu.Unlock()
	l.cancel(connerr.ErrClosed)
	done := make(chan struct{})
	go func() {
		l.tasks.Wait()
		close(done)
	}()
	return done
}
