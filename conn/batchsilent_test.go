// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// ended tells how a call ended, to the function in the context of its caller.
type ended struct{}

func (ended) OnCall(parent context.Context, _ conn.CallInfo) (context.Context, func(conn.CallResult)) {
	f, _ := parent.Value(ended{}).(func(conn.CallResult))
	return nil, f
}

// TestOnlyReadsThatGoToASilentMemberAreSlow makes a read every two milliseconds, until shortly before the silent member is frozen.
func TestOnlyReadsThatGoToASilentMemberAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		a.answerKV(slowly(time.Millisecond))
		b.answerKV(slowly(time.Millisecond))
		c := openFake(t, []*member{a, b}, conn.WithBatching(), conn.WithHooks(ended{}))
		a.Pause()
		defer a.Resume()
		var reading sync.WaitGroup
		hedged, slow, batched := 0, 0, 0
		var mu sync.Mutex
		for range 700 {
			reading.Go(func() {
				began := time.Now()
				parent := context.WithValue(t.Context(), ended{}, func(r conn.CallResult) {
					took := time.Since(began)
					mu.Lock()
					defer mu.Unlock()
					switch {
					case r.Hedged || r.Attempts > 1:
						hedged++
					case took > 10*time.Millisecond:
						slow++
					}
					if r.Batched {
						batched++
					}
				})
				if _, err := pb.NewKVClient(c).Range(parent, &pb.RangeRequest{Key: []byte("k")}); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(2 * time.Millisecond)
		}
		reading.Wait()
		if slow > 0 || hedged == 0 || batched < 600 {
			t.Errorf("%d reads were slow without being hedged, %d were hedged, and %d travelled in company", slow, hedged, batched)
		}
	})
}
