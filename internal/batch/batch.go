// SPDX-License-Identifier: Apache-2.0

// Package batch lets reads of single keys that are made at the same time travel together: as one transaction that only
// reads. It saves both sides most of what a request costs.
//
// A read that finds nothing under way goes alone, at once, as if there were no batches. Otherwise it takes a seat in the
// next trip, which leaves soon. Each rider has its own deadline and decodes its own answer.
//
// Its files depend on each other in one direction. From below: the progress of a trip under way (progress.go), a read
// (read.go), its encoding (op.go), the decoding of its answer (decode.go) and of all answers of a trip (codec.go), what a
// connection gives its batches (config.go), the lessons of earlier answers (lessons.go), what a trip takes and brings
// (load.go), the end of a wait (alarm.go), what riders see of their trip (journey.go), a rider (seat.go), a transaction
// (trip.go), the queue and the times when a trip leaves (queue.go), the choice of the reads that may travel (batch.go).
package batch

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/metadata"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// Batches lets the reads of one connection travel together. Its methods are safe for concurrent use.
type Batches struct {
	config Config
	queues [2]atomic.Pointer[queue] // of each kind; the first read makes it, since many connections read nothing
}

// New makes the batches of a connection.
func New(c Config) *Batches { return &Batches{config: c} }

// Get reads a key. It returns neither an answer nor an error if the read must go alone. The caller then makes that call, and calls
// [Batches.Back] once it has ended. The answer is in reply, unless that is nil. An error of type *[Left] says that the rider has left the
// trip, since parent or the deadline has ended. ride tells of the trip, also where a read goes alone after it.
func (b *Batches) Get(
	parent context.Context, deadline time.Time, r Read, reply *pb.RangeResponse,
) (answer *pb.RangeResponse, ride Ride, err error) {
	q := b.of(r)
	if _, own := metadata.FromOutgoingContext(parent); own {
		q.add()
		return nil, Ride{}, nil
	}
	s := q.seats.of(parent, r, deadline)
	if !q.board(s, r) {
		q.seats.free(s)
		return nil, Ride{}, nil
	}
	if left := s.wait(); left != nil {
		return nil, left.Ride, left // the trip may still use the seat, so nobody else gets it
	}
	ride = s.trip.rode()
	answer, large, err := s.getOff(reply)
	q.seats.free(s)
	if answer == nil && err == nil {
		q.add()
	}
	if large {
		q.separate(r)
	}
	return answer, ride, err
}

// Back says that a read that went alone has ended after this time, with this error. The batches learn from that.
func (b *Batches) Back(r Read, reply *pb.RangeResponse, took time.Duration, err error) {
	b.of(r).back(r, reply, took, err)
}

// of returns the queue of a read.
func (b *Batches) of(r Read) *queue {
	kind := Linearizable
	if r.Serializable {
		kind = Serializable
	}
	if q := b.queues[kind].Load(); q != nil {
		return q
	}
	b.queues[kind].CompareAndSwap(nil, newQueue(kind, b.config))
	return b.queues[kind].Load()
}
