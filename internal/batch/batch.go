// SPDX-License-Identifier: Apache-2.0

// Package batch lets reads of single keys that are made at the same time travel together: as one transaction that only
// reads. It saves both sides most of what a request costs.
//
// A read that finds nothing under way goes alone, at once, as if there were no batches. Otherwise it takes a seat in the
// next trip, which leaves soon. Each rider has its own deadline and decodes its own answer.
//
// Its files depend on each other in one direction. From below: the progress of a trip under way (progress.go), what a connection
// gives its batches (config.go), the encoding of a read (op.go), of its answer (decode.go) and of all answers of a trip
// (codec.go), the end of a wait (alarm.go), what riders see of their trip (journey.go), a rider (seat.go), the lessons of earlier answers (lessons.go), a transaction (trip.go),
// the queue and the times when a trip leaves (queue.go), the choice of the reads that may travel (batch.go).
package batch

import (
	"context"
	"time"

	"google.golang.org/grpc/metadata"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// Batches lets the reads of one connection travel together. Its methods are safe for concurrent use.
type Batches [2]queue

// New makes the batches of a connection.
func New(c Config) *Batches {
	b := &Batches{}
	for kind := range b {
		b[kind].init(Kind(kind), c)
	}
	return b
}

// keyMax is the longest key that travels in company. Longer ones are rare, and a request has a limit of 1.5 MiB.
const keyMax = 4 << 10

// Fits reports whether a request may travel in company: it reads one key at the newest revision.
func Fits(r *pb.RangeRequest) bool {
	return len(r.Key) > 0 && len(r.Key) <= keyMax && len(r.RangeEnd) == 0 && r.Revision == 0 &&
		r.MinModRevision == 0 && r.MaxModRevision == 0 && r.MinCreateRevision == 0 && r.MaxCreateRevision == 0
}

// Get reads a key. It returns alone = true if the read must go alone. The caller then makes that call, and calls [Batches.Back]
// once it has ended. Otherwise the answer is in reply, or err says why there is none. An error of type *[Left] says that
// the rider has left the trip, since parent or the deadline has ended. ride tells of the trip, also where a read goes alone after it.
func (b *Batches) Get(
	parent context.Context, deadline time.Time, request *pb.RangeRequest, reply *pb.RangeResponse,
) (ride Ride, alone bool, err error) {
	q := b.of(request)
	if q.enter(request.Key) {
		return Ride{}, true, nil
	}
	if _, own := metadata.FromOutgoingContext(parent); own {
		q.add()
		return Ride{}, true, nil
	}
	s := q.seats.of(parent, request, deadline)
	if !q.board(s) {
		q.seats.free(s)
		return Ride{}, true, nil
	}
	if left := s.wait(); left != nil {
		return left.Ride, false, left // the trip may still use the seat, so nobody else gets it
	}
	ride = s.trip.rode()
	alone, err = s.result(reply)
	if alone {
		q.add()
	}
	if len(s.answer()) >= largeAnswer {
		q.separate(request.Key)
	}
	q.seats.free(s)
	return ride, alone, err
}

// Back says that a read that went alone has ended after this time, with this error. The batches learn from that.
func (b *Batches) Back(request *pb.RangeRequest, reply *pb.RangeResponse, took time.Duration, err error) {
	b.of(request).back(request, reply, took, err)
}

func (b *Batches) of(r *pb.RangeRequest) *queue {
	if r.Serializable {
		return &b[Serializable]
	}
	return &b[Linearizable]
}
