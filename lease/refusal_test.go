// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/lease"
)

// denies answers PermissionDenied for lease 1, after a while.
func denies(while time.Duration) func(context.Context, int64) (int64, error) {
	return func(parent context.Context, id int64) (int64, error) {
		if id != 1 {
			return 30, nil
		}
		_, _ = after(while, 0)(parent, id)
		return 0, status.Error(codes.PermissionDenied, "etcdserver: permission denied")
	}
}

func TestRefusalOfALeaseWhoseKeeperHasEndedEndsNoOther(t *testing.T) {
	for name, begin := range map[string]func(t *testing.T, m *member, c ctx.Ctx){
		"KeepAlive gave up": func(t *testing.T, m *member, c ctx.Ctx) {
			m.answer(denies(100 * time.Millisecond))
			limited, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := lease.KeepAlive(limited, c, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("KeepAlive: %v", err)
			}
		},
		"the Keeper is closed": func(t *testing.T, m *member, c ctx.Ctx) {
			k := keep(t, c, 1)
			m.answer(denies(100 * time.Millisecond))
			for n := len(m.seen(1)); len(m.seen(1)) == n; {
				m.next()
			}
			_ = k.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a", 30)
				_, request := fake(t, m)
				other := keep(t, request, 2)
				begin(t, m, request)
				time.Sleep(time.Minute)
				if ended(t, other) {
					t.Errorf("lease 2 ended with %v", other.Err())
				}
			})
		})
	}
}
