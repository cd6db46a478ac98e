// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
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
	timer    *time.Timer // for the deadline; stopped while nobody waits
	trip     ride
	gone     atomic.Bool   // the rider has left
	done     chan struct{} // receives when the trip has filled in one of the following
	answer   []byte        // a ResponseOp
	header   *pb.ResponseHeader
	err      error // of the trip
	alone    bool  // the trip was refused as a whole, so the read must go alone
}

// seats keeps the seats that nobody uses.
type seats struct{ sync.Pool }

func (p *seats) init() {
	p.New = func() any {
		s := &seat{done: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
		s.timer.Stop()
		return s
	}
}

// rangeTag begins a RequestOp or a ResponseOp of a range.
var rangeTag = protowire.EncodeTag(1, protowire.BytesType)

// of returns the seat of a read. The deadline is not zero.
func (p *seats) of(parent context.Context, r *pb.RangeRequest, deadline time.Time) *seat {
	s := p.Get().(*seat)
	s.parent, s.deadline = parent, deadline
	s.op = protowire.AppendVarint(s.op[:0], rangeTag)
	s.op = protowire.AppendVarint(s.op, uint64(proto.Size(r)))
	s.op, _ = proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(s.op, r) // bytes and numbers always encode
	return s
}

// free gives the seat back for another rider. The trip must be over.
func (p *seats) free(s *seat) {
	s.parent, s.trip, s.answer, s.header, s.err, s.alone = nil, nil, nil, nil, nil, false
	p.Put(s)
}

// wait waits for the trip. It returns what is known of the trip if the deadline or the context of the rider ends first.
func (s *seat) wait() *Left {
	s.timer.Reset(time.Until(s.deadline))
	defer s.timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-s.parent.Done():
	case <-s.timer.C:
	}
	s.gone.Store(true)
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

// rangeOf returns the encoded RangeResponse of a ResponseOp.
func rangeOf(answer []byte) (body []byte, ok bool) {
	tag, n := protowire.ConsumeVarint(answer)
	if n < 0 || tag != rangeTag {
		return nil, false
	}
	body, m := protowire.ConsumeBytes(answer[n:])
	return body, m >= 0 && n+m == len(answer)
}
