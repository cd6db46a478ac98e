// SPDX-License-Identifier: Apache-2.0

package life_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/life"
)

func TestForkAfterRunsOnceItsContextHasEndedAndEndWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := life.New()
		part, end := context.WithCancel(l)
		early, late := false, false
		l.ForkAfter(part, func() { early = true })
		l.ForkAfter(l, func() {
			time.Sleep(time.Second)
			late = true
		})
		synctest.Wait()
		if early || late {
			t.Error("a function ran before its context had ended")
		}
		end()
		synctest.Wait()
		if !early || late {
			t.Errorf("after the end of one context its function has run: %v, and the other one: %v", early, late)
		}
		<-l.End()
		if !late {
			t.Error("End did not wait")
		}
	})
}

func TestEndWaitsForEveryGoroutineAndRefusesNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := life.New()
		var cause error
		if err := l.Go(func(life context.Context) {
			<-life.Done()
			cause = context.Cause(life)
			l.Fork(func() { time.Sleep(time.Second) })
		}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		joined := l.End()
		if err := l.Go(func(context.Context) { t.Error("a goroutine began after the end") }); !errors.Is(err, connerr.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
		<-joined
		if time.Since(began) != time.Second || !errors.Is(cause, connerr.ErrClosed) {
			t.Errorf("joined after %v, with the cause %v", time.Since(began), cause)
		}
	})
}
