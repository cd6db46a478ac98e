// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/lease"
)

// A load balancer that reloads its configuration refuses streams with an HTTP status, which gRPC turns into a code.
func TestRefusalByALoadBalancerEndsNoLeaseThatWasRenewed(t *testing.T) {
	for _, stray := range []error{
		status.Error(codes.Unimplemented, "unexpected HTTP status code received from server: 404 (Not Found)"),
		status.Error(codes.PermissionDenied, "unexpected HTTP status code received from server: 403 (Forbidden)"),
		status.Error(codes.Unauthenticated, "unexpected HTTP status code received from server: 401 (Unauthorized)"),
	} {
		t.Run(status.Code(stray).String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a", 30)
				_, request := fake(t, m)
				all := []*lease.Keeper{keep(t, request, 1), keep(t, request, 2)}
				m.refuse(stray)
				m.answer(func(context.Context, int64) (int64, error) { return 0, stray })
				m.next()
				time.Sleep(time.Second)
				time.AfterFunc(time.Second, func() {
					m.answer(always(30))
					m.refuse(nil)
				})
				all = append(all, keep(t, request, 3)) // a newcomer waits too
				time.Sleep(time.Minute)
				for _, k := range all {
					if ended(t, k) {
						t.Errorf("lease %d ended with %v", k.ID(), k.Err())
					}
				}
			})
		})
	}
}

func TestLeaseThatALoadBalancerKeepsFromTheServerExpiresWithTheReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 30)
		_, request := fake(t, m)
		k := keep(t, request, 1)
		m.refuse(status.Error(codes.Unimplemented, "unexpected HTTP status code received from server: 404 (Not Found)"))
		m.answer(func(context.Context, int64) (int64, error) { return 0, status.Error(codes.Unavailable, "reset") })
		<-k.Done()
		if left := time.Until(k.ValidUntil()); left > 0 {
			t.Errorf("it ended with %v left", left)
		}
		var e *etcderr.Error
		if err := k.Err(); !errors.Is(err, lease.ErrExpired) || !errors.As(err, &e) || !strings.Contains(e.Message(), "404") {
			t.Errorf("it ended with %v", err)
		}
		if _, err := lease.KeepAlive(t.Context(), request, 2); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "404") {
			t.Errorf("KeepAlive where no lease is kept, and a way to a member may come: %v", err)
		}
		m.refuse(status.Error(codes.PermissionDenied, "unexpected HTTP status code received from server: 403 (Forbidden)"))
		began := time.Now()
		if _, err := lease.KeepAlive(t.Context(), request, 3); status.Code(err) != codes.PermissionDenied || time.Since(began) > time.Second {
			t.Errorf("KeepAlive where no lease is kept, after %v: %v", time.Since(began), err)
		}
	})
}
