// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/watch"
)

// deleted waits until a key is deleted, at a revision or after it. It goes on through whatever passes. An error is the end
// of life, or says that the history from there on cannot be told.
func (q *queue) deleted(life context.Context, key string, from int64) error {
	return q.happens(life, q.to.WithKey(key).WithStartRevision(from).WithFilterPut())
}

// created waits until a key is put, as deleted does.
func (q *queue) created(life context.Context, key string, from int64) error {
	return q.happens(life, q.to.WithKey(key).WithStartRevision(from).WithFilterDelete())
}

// happens waits for the first event of a watch.
func (q *queue) happens(life context.Context, what ctx.Ctx) error {
	var rest Pause
	for {
		if err := q.open(); err != nil {
			return err
		}
		err := first(life, what)
		if err == nil || life.Err() != nil || !q.passing(err) {
			return err
		}
		if !q.rest(life, &rest, err) {
			return ended(life, err)
		}
	}
}

// first waits for the first event with one watch.
func first(life context.Context, what ctx.Ctx) error {
	w, err := watch.Watch(life, what)
	if err != nil {
		return err
	}
	defer w.Close()
	for event, failed := range w.Events() {
		if event != nil {
			return nil
		}
		err = failed
	}
	if err == nil {
		err = errWatchEnded
	}
	return err
}

var errWatchEnded = errors.New("the watch has ended")
