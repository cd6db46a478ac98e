// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

// quits is a log handler that ends the goroutine of each message with a text, as t.Fatal in a handler does.
type quits struct {
	slog.Handler
	at string
}

func (quits) Enabled(context.Context, slog.Level) bool { return true }

func (q quits) Handle(_ context.Context, r slog.Record) error {
	if r.Message == q.at {
		runtime.Goexit()
	}
	return nil
}

func TestEndpointIsLookedAfterWhenALogHandlerEndsAGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		log := slog.New(quits{slog.DiscardHandler, "etcd endpoint active"})
		c := openFake(t, []*member{a}, conn.WithLogger(log))
		checks := a.Checks.Load()
		time.Sleep(time.Minute)
		if a.Checks.Load() == checks {
			t.Error("the member is not checked any more")
		}
		a.Drop()
		synctest.Wait()
		if n := a.Dials.Load(); n != 2 {
			t.Errorf("%d connections, want another one after the loss of the first", n)
		}
		if _, err := get(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}
