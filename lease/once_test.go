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

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/lease"
)

func TestKeepAliveOnceAsksOneMemberAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a", 10), newMember(t, "b", 10)
		_, request := fake(t, a, b)
		once := func(request func() (*pb.LeaseKeepAliveResponse, error), limit time.Duration) error {
			t.Helper()
			began := time.Now()
			r, err := request()
			if took := time.Since(began); took > limit {
				t.Errorf("KeepAliveOnce took %v", took)
			}
			if err == nil && (r.TTL != 10 || r.ID != 1) {
				t.Errorf("KeepAliveOnce: %v", r)
			}
			return err
		}
		call := func() (*pb.LeaseKeepAliveResponse, error) { return lease.KeepAliveOnce(t.Context(), request, 1) }
		for range 4 {
			if err := once(call, 0); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait() // the members learn of the end of a stream a little later
		if a.open()+b.open() > 0 {
			t.Error("KeepAliveOnce leaves its stream open")
		}
		a.answer(func(context.Context, int64) (int64, error) {
			return 0, status.Error(codes.Unavailable, "etcdserver: no leader")
		})
		for range 4 {
			if err := once(call, 50*time.Millisecond); err != nil {
				t.Errorf("with one member without a leader: %v", err)
			}
		}
		a.answer(forever)
		for range 4 {
			if err := once(call, 1600*time.Millisecond); err != nil {
				t.Errorf("with one member silent: %v", err)
			}
		}
		b.answer(forever)
		err := once(call, 5*time.Second)
		if !errors.Is(err, context.DeadlineExceeded) || etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Errorf("with both members silent: %v", err)
		}
		err = once(func() (*pb.LeaseKeepAliveResponse, error) {
			return lease.KeepAliveOnce(t.Context(), request.WithTimeout(300*time.Millisecond), 1)
		}, 300*time.Millisecond)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("within 300 ms: %v", err)
		}
		parent, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errEnough) })
		if _, err := lease.KeepAliveOnce(parent, request, 1); !errors.Is(err, errEnough) || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		for _, m := range []*member{a, b} {
			m.answer(always(0))
		}
		if err := once(call, 250*time.Millisecond); !errors.Is(err, etcderr.ErrLeaseNotFound) || etcderr.OutcomeOf(err) != etcderr.Rejected {
			t.Errorf("of a lease that is gone: %v", err)
		}
	})
}

var errEnough = errors.New("enough")

// An outage that follows says that its own request was not sent. The renewal before it may have been applied.
func TestKeepAliveOnceWithoutAnAnswerHasUnknownOutcome(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *conn.Conn, m *member) // after the renewal has arrived
		want error
	}{
		{"the member dies, and no endpoint is Active", func(_ *conn.Conn, m *member) { m.Stop() }, conn.ErrUnavailable},
		{"the connection closes", func(c *conn.Conn, _ *member) { _ = c.Close() }, conn.ErrClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMember(t, "a", 10)
				c, request := fakeWith(t, []*member{m}, conn.WithPatience(0))
				m.answer(forever)
				go func() {
					m.next()
					tt.end(c, m)
				}()
				_, err := lease.KeepAliveOnce(t.Context(), request, 1)
				if !errors.Is(err, tt.want) || etcderr.OutcomeOf(err) != etcderr.Unknown {
					t.Errorf("got %v, outcome %v", err, etcderr.OutcomeOf(err))
				}
			})
		})
	}
}
