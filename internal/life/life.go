// SPDX-License-Identifier: Apache-2.0

// Package life owns the goroutines of a connection, from its opening to its end.
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

// Under begins a life that ends with another one, if not before. End of the other one does not wait for its goroutines.
func Under(other *Life) *Life {
	l := &Life{}
	l.Context, l.cancel = context.WithCancelCause(other.Context)
	return l
}

// Go runs f on a goroutine that End waits for. After End it returns ErrClosed and does not run f. For a nil f it
// returns an error.
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

// Fork runs f on a goroutine that End waits for. Only goroutines of this life may call it. End still waits for them,
// so Fork never refuses.
func (l *Life) Fork(f func()) { l.tasks.Go(f) }

// ForkAfter runs f on a goroutine that End waits for, once part has ended. Until then no goroutine waits. part must be a context
// of this life. Only goroutines of this life may call ForkAfter.
func (l *Life) ForkAfter(part context.Context, f func()) {
	l.tasks.Add(1)
	context.AfterFunc(part, func() {
		defer l.tasks.Done()
		f()
	})
}

// End ends the context with the cause ErrClosed, and refuses further goroutines. The channel is closed when the last
// goroutine has returned.
func (l *Life) End() (joined <-chan struct{}) {
	l.mu.Lock()
	l.ending = true // from now on Go adds no goroutine
	l.mu.Unlock()
	l.cancel(connerr.ErrClosed)
	done := make(chan struct{})
	go func() {
		l.tasks.Wait()
		close(done)
	}()
	return done
}
