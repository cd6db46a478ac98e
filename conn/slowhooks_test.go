// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
)

// The tests in this file run on a fake clock, so their times are exact and take no real time.

func TestAttemptWhoseHookIsSlowIsNotSilent(t *testing.T) {
	for name, answer := range map[string]error{
		"answered": nil,
		"refused":  status.Error(codes.InvalidArgument, "etcdserver: invalid sort option"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMember(t, "a"), newMember(t, "b")
				slow := attemptFunc(func(context.Context, conn.AttemptInfo) func(conn.AttemptResult) {
					return func(conn.AttemptResult) { time.Sleep(800 * time.Millisecond) }
				})
				c := openFake(t, []*member{a, b}, conn.WithHooks(slow))
				for _, m := range []*member{a, b} {
					m.answerKV(func(context.Context) error { return answer })
				}
				checks := a.Checks.Load() + b.Checks.Load()
				limited, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := read(limited, c); (err == nil) != (answer == nil) {
					t.Errorf("the read ended with %v", err)
				}
				if n := a.calls.Load() + b.calls.Load(); n != 1 {
					t.Errorf("the read was sent %d times", n)
				}
				if now := a.Checks.Load() + b.Checks.Load(); now != checks {
					t.Errorf("an endpoint was suspected: %d checks", now-checks)
				}
			})
		})
	}
}
