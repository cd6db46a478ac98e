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

// seat is one rider: a read that waits for the answer of its trip. The rider encodes its operation before the trip leaves, and
// decodes its answer after that, on its own goroutine. In between, the trip reads the seat, and writes nothing to it: the two often run on
// different CPUs. Only the next rider writes to it, once: its place in the list.
type seat struct {
	parent   context.Context
	ended    <-chan struct{} // that of parent
	op       []byte          // a RequestOp
	deadline time.Time
	trip     *journey
	number   int             // among the riders of the trip
	next     *seat           // of the rider with the next number
	bell     <-chan struct{} // wakes the rider
	gone     atomic.Bool     // the rider has left its trip before the end
}

// seats keeps the seats that nobody uses.
type seats struct{ sync.Pool }

func (p *seats) init() {
	p.New = func() any { return &seat{} }
}

// of returns the seat of a read. The deadline is not zero. It runs the code of parent, which is the user's and may panic. A rider with a
// seat runs none, because the next trip waits until it has left.
func (p *seats) of(parent context.Context, r Read, deadline time.Time) *seat {
	s := p.Get().(*seat)
	s.parent, s.ended, s.deadline = parent, parent.Done(), deadline
	s.op = appendOp(s.op[:0], r)
	return s
}

// free gives the seat back for another rider. If it had a trip, that must be over, and the rider must have left it.
func (p *seats) free(s *seat) {
	s.parent, s.ended, s.trip, s.next, s.bell = nil, nil, nil, nil, nil
	p.Put(s)
}

// wait waits for the trip. If the deadline or the context of the rider ends first, it leaves the trip, and returns what is
// known of the trip so far.
func (s *seat) wait() *Left {
	for ; ; s.bell = s.trip.watch(s.deadline) {
		leaves := false
		if s.ended == nil {
			<-s.bell
		} else {
			select {
			case <-s.bell:
			case <-s.ended:
				leaves = true
			}
		}
		switch {
		case s.trip.over.Load():
			return nil
		case leaves || !time.Now().Before(s.deadline):
			s.gone.Store(true)
			left := s.trip.left()
			s.trip.leave()
			return left
		}
	}
}

// getOff leaves a trip that is over. It returns the answer of the rider as result does, and whether it is a large one.
func (s *seat) getOff(reply *pb.RangeResponse) (answer *pb.RangeResponse, large bool, err error) {
	defer s.trip.leave() // reply is the user's: if two reads have the same one, proto.Unmarshal may panic
	answer, err = s.result(reply)
	return answer, len(s.answer()) >= largeAnswer, err
}

// answer returns the ResponseOp of the rider, or nil if the trip has none for it.
func (s *seat) answer() []byte {
	if t := s.trip; !t.alone && t.err == nil {
		return t.load.answers.Responses[t.load.of[s.number]]
	}
	return nil
}

// result returns the answer of the rider, in reply unless that is nil. If the read must go alone, it returns neither an answer nor an error.
func (s *seat) result(reply *pb.RangeResponse) (*pb.RangeResponse, error) {
	t := s.trip
	if t.alone || t.err != nil {
		return nil, t.err
	}
	body, ok := rangeOf(s.answer())
	if !ok {
		return nil, nil
	}
	if answer := decode(body, t.load.answers.Header, reply); answer != nil {
		return answer, nil
	}
	if reply == nil {
		reply = new(pb.RangeResponse)
	}
	if proto.Unmarshal(body, reply) != nil {
		return nil, nil
	}
	reply.Header = &pb.ResponseHeader{}
	copyHeader(reply.Header, t.load.answers.Header)
	return reply, nil
}
