// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// ride is what a rider sees of its trip.
type ride interface {
	left() *Left // what is known of it
	rode() Ride
	leave()
}

// seat is one rider: a read that waits for the answer of its trip. The rider encodes its operation before the trip leaves, and
// decodes its answer after that, on its own goroutine. In between, the trip has the seat.
type seat struct {
	parent   context.Context
	op       []byte // a RequestOp
	deadline time.Time
	trip     ride
	state    atomic.Uint32 // waiting, or what has ended that
	done     chan struct{} // receives when the trip or its alarm has ended the wait
	answer   []byte        // a ResponseOp
	header   *pb.ResponseHeader
	err      error // of the trip
	alone    bool  // the trip was refused as a whole, so the read must go alone
}

// Whoever changes the state of a seat from waiting has ended the wait.
const (
	waiting  uint32 = iota
	answered        // the trip has filled in what it brings
	overdue         // the deadline has passed
	gone            // the context of the rider has ended
)

// end ends the wait, unless something else has ended it before.
func (s *seat) end(state uint32) {
	if s.state.CompareAndSwap(waiting, state) {
		s.done <- struct{}{}
	}
}

// seats keeps the seats that nobody uses.
type seats struct{ sync.Pool }

func (p *seats) init() {
	p.New = func() any { return &seat{done: make(chan struct{}, 1)} }
}

// of returns the seat of a read. The deadline is not zero.
func (p *seats) of(parent context.Context, r *pb.RangeRequest, deadline time.Time) *seat {
	s := p.Get().(*seat)
	s.parent, s.deadline = parent, deadline
	s.op = appendOp(s.op[:0], r)
	return s
}

// free gives the seat back for another rider. The trip must be over.
func (p *seats) free(s *seat) {
	s.state.Store(waiting)
	s.parent, s.trip, s.answer, s.header, s.err, s.alone = nil, nil, nil, nil, nil, false
	p.Put(s)
}

// wait waits for the trip. It returns what is known of the trip if the deadline or the context of the rider ends first.
func (s *seat) wait() *Left {
	if ended := s.parent.Done(); ended == nil {
		<-s.done
	} else {
		select {
		case <-s.done:
		case <-ended:
			if !s.state.CompareAndSwap(waiting, gone) {
				<-s.done
			}
		}
	}
	if s.state.Load() == answered {
		return nil
	}
	left := s.trip.left()
	s.trip.leave()
	return left
}

// result fills in the reply of the rider.
func (s *seat) result(reply *pb.RangeResponse) (alone bool, err error) {
	if s.alone || s.err != nil {
		return s.alone, s.err
	}
	body, ok := rangeOf(s.answer)
	if ok && decode(body, s.header, reply) {
		return false, nil
	}
	if !ok || proto.Unmarshal(body, reply) != nil {
		return true, nil
	}
	reply.Header = &pb.ResponseHeader{}
	copyHeader(reply.Header, s.header)
	return false, nil
}
