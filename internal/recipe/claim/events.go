// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"context"
	"errors"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/watch"
)

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
