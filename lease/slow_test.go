// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/lease"
)

// taking makes each answer cost the client that much time after it has come, as on a machine with little CPU.
func taking(cost time.Duration) conn.Option {
	return conn.WithDialOptions(grpc.WithStreamInterceptor(func(parent context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn,
		method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		s, err := open(parent, desc, cc, method, opts...)
		return slowStream{s, cost}, err
	}))
}

type slowStream struct {
	grpc.ClientStream
	cost time.Duration
}

func (s slowStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	time.Sleep(s.cost)
	return err
}

func TestClientWithLittleCPURenewsABacklogWithoutPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, ttl, cost = 2000, 10, time.Millisecond // 600 renewals a second are due, 1000 are possible
		m := newMember(t, "a", ttl)
		_, request := fakeWith(t, []*member{m}, taking(cost))
		var keepers []*lease.Keeper
		for id := int64(1); id <= n; id++ {
			keepers = append(keepers, keep(t, request, id))
		}
		time.Sleep(time.Minute)
		stalled := false
		m.answer(func(parent context.Context, id int64) (int64, error) {
			if !stalled {
				stalled = true
				return after(1400*time.Millisecond, ttl)(parent, id)
			}
			return ttl, nil
		})
		m.next()
		time.Sleep(1400 * time.Millisecond)
		back := len(m.seen(0))
		time.Sleep(n * cost)
		if renewed := len(m.seen(0)) - back; renewed < n*3/4 {
			t.Errorf("%d renewals were due, and %d were sent", n, renewed)
		}
		time.Sleep(time.Minute)
		for _, k := range keepers {
			if ended(t, k) {
				t.Fatal(k.Err())
			}
		}
	})
}
