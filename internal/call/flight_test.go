// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/batch"
)

// launch begins an attempt that sends nothing. It counts the calls of the hedge.
func launch(t *testing.T, patience, deadline time.Duration) (f *flight, hedges *atomic.Int64) {
	t.Helper()
	f, hedges = &flight{}, &atomic.Int64{}
	f.init(false, func() { hedges.Add(1) })
	t.Cleanup(func() {
		f.timer.Stop()
		f.cancel()
	})
	if deadline > 0 {
		f.deadline = time.Now().Add(deadline)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state = flying
	f.arm(patience)
	return f, hedges
}

func TestSilentAttemptIsHedgedOnceAndExpiresAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, hedges := launch(t, 500*time.Millisecond, 2*time.Second)
		began := time.Now()
		for _, want := range []struct {
			at     time.Duration
			state  state
			hedges int64
		}{
			{499 * time.Millisecond, flying, 0},
			{600 * time.Millisecond, hedged, 1},
			{1999 * time.Millisecond, hedged, 1},
			{2001 * time.Millisecond, expired, 1},
			{time.Minute, expired, 1},
		} {
			time.Sleep(want.at - time.Since(began))
			synctest.Wait()
			if !f.is(want.state) || hedges.Load() != want.hedges || (f.ctx.Err() != nil) != (want.state == expired) {
				t.Errorf("after %v: state %d, %d hedges, context %v; want %+v", want.at, f.state, hedges.Load(), f.ctx.Err(), want)
			}
		}
	})
}

func TestAttemptWithoutPatienceIsNeverHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, hedges := launch(t, 0, time.Hour)
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		if !f.is(flying) || hedges.Load() != 0 || f.ctx.Err() != nil {
			t.Errorf("state %d, %d hedges, context %v", f.state, hedges.Load(), f.ctx.Err())
		}
	})
}

func TestTimerThatFiresAfterTheEndOfAnAttemptDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, patience := range []time.Duration{0, 500 * time.Millisecond} { // the timer is set to the deadline, or to the patience
			f, hedges := launch(t, patience, time.Second)
			f.mu.Lock()
			f.state = grounded
			f.mu.Unlock()
			time.Sleep(time.Minute)
			synctest.Wait()
			if !f.is(grounded) || hedges.Load() != 0 || !f.reusable() {
				t.Errorf("patience %v: state %d, %d hedges, reusable: %t", patience, f.state, hedges.Load(), f.reusable())
			}
		}
	})
}

func TestOnlyAFirstAnswerOrRefusalOfTheHedgeEndsTheAttempt(t *testing.T) {
	lost := errors.New("lost")
	for _, tt := range []struct {
		before state
		err    error // of the hedge
		after  state
		joins  bool
	}{
		{hedged, nil, answered, true},
		{left, nil, answered, false},
		{hedged, lost, hedged, true},
		{left, lost, left, false},
		{hedged, etcderr.ErrCompacted, answered, true},
		{hedged, etcderr.ErrNoLeader, hedged, true},
		{hedged, etcderr.ErrInvalidAuthToken, hedged, true},
		{hedged, etcderr.ErrUserEmpty, hedged, true},
		{hedged, status.Error(codes.Unimplemented, "unexpected HTTP status code 404"), hedged, true},
		{grounded, nil, grounded, false},
		{expired, nil, expired, false},
	} {
		f, _ := launch(t, 0, 0)
		f.state = tt.before
		var answer proto.Message = &pb.RangeResponse{}
		if joins := f.join(&flight{}); joins != tt.joins {
			t.Errorf("in state %d a hedge joins: %t", tt.before, joins)
		}
		won, late := f.leave(tt.err, answer)
		ended := tt.after == answered
		if f.state != tt.after || (f.ctx.Err() != nil) != ended || (f.answer == answer) != ended || f.second != nil ||
			won != ended || late != (tt.before == grounded) {
			t.Errorf("a hedge that ends with %v in state %d: state %d, context %v, answer %v, won %t, late %t", tt.err, tt.before, f.state,
				f.ctx.Err(), f.answer, won, late)
		}
	}
}

func TestEndOfTheCallEndsTheHedgeAndLetsNoOtherBegin(t *testing.T) {
	f, _ := launch(t, 0, 0)
	second, _ := launch(t, 0, 0)
	f.state = hedged
	if !f.join(second) {
		t.Error("the hedge does not join")
	}
	f.abort()
	if second.ctx.Err() == nil {
		t.Error("the hedge goes on")
	}
	f.leave(context.Canceled, nil)
	if f.join(second) {
		t.Error("another hedge joins")
	}
}

// An interceptor may send a request again in the background, when the flight carries another call.
func TestOptionsThatAnInterceptorAppendsStayItsOwn(t *testing.T) {
	f := &flight{}
	f.init(false, nil)
	defer f.cancel()
	o := &Options{Codec: grpc.ForceCodecV2(batch.NewCodec())}
	first := append(f.with(o), grpc.WaitForReady(false))
	_ = append(f.with(o), grpc.WaitForReady(true))
	if got := first[len(first)-1]; got != grpc.WaitForReady(false) {
		t.Errorf("the option of one call has become %v, of another one", got)
	}
}
