// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/life"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// login asks the user's function for the user and the password. The function may ignore its context, so it runs on a
// goroutine of the connection, and each caller waits no longer than its own context lasts. One question serves all callers:
// as long as it has no answer there is no other, and so no more than one goroutine.
type login struct {
	f       func(context.Context) (user, password string, err error)
	life    *life.Life
	timeout time.Duration // of the context that the function gets

	mu       sync.Mutex
	question *question // under way; nil: there is none
}

// question is one run of the function.
type question struct {
	over           chan struct{} // closed when the answer is there
	user, password string
	err            error
}

// ask asks the function, or waits for the answer that somebody else has asked it for.
func (l *login) ask(parent context.Context) (user, password string, err error) {
	q, err := l.begin()
	if err != nil {
		return "", "", err
	}
	select {
	case <-q.over:
		return q.user, q.password, q.err
	case <-parent.Done():
		return "", "", tell.Ended(parent)
	case <-l.life.Done(): // calls outlive it, and the function may ignore it
		return "", "", connerr.ErrClosed
	}
}

// begin returns the question under way, or begins one. Where the connection is closed it returns ErrClosed.
func (l *login) begin() (*question, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.question != nil {
		return l.question, nil
	}
	q := &question{over: make(chan struct{}), err: errors.New("the function has ended its goroutine")} // unless it returns or panics
	err := l.life.Go(func(life context.Context) {
		defer l.end(q)
		l.run(life, q)
	})
	if err != nil {
		return nil, err
	}
	l.question = q
	return q, nil
}

// run runs the function. A panic there is an error, since it would end the program.
func (l *login) run(life context.Context, q *question) {
	defer func() {
		if p := recover(); p != nil {
			err := fmt.Errorf("the function panicked: %s", tell.Short(tell.Line(fmt.Sprint(p))))
			q.err = tell.Private(err, fmt.Sprintf("credentials: the function panicked with a value of type %T", p))
		}
	}()
	limited, cancel := wait.WithOwnTime(life, l.timeout, lateError(l.timeout))
	defer cancel()
	q.user, q.password, q.err = l.f(limited)
	switch {
	case q.err == nil:
	case limited.Err() != nil:
		q.err = context.Cause(limited)
	default:
		q.err = tell.Private(q.err, fmt.Sprintf("credentials: the function failed with an error of type %T", q.err))
	}
}

func (l *login) end(q *question) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.question = nil
	close(q.over)
}

func (l *login) asking() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.question != nil
}
