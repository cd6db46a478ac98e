// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/batchpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// server answers trips and single reads after some time.
type server struct {
	way    time.Duration
	refuse func(keys []string) error
	value  func(key string) string
	broken bool                // its answers to trips lack one
	silent func(trip int) bool // which trips get no answer for a minute

	mu     sync.Mutex
	trips  [][]string          // the keys of each
	riders [][]context.Context // of each
	ended  []error             // why contexts of trips ended that were not answered
	alone  []string            // keys that were read alone
}

func (s *server) send(
	parent context.Context, riders []context.Context, _ time.Time, _ Kind, r *batchpb.Reads, a *batchpb.Answers, p *Progress,
) error {
	var keys []string
	for _, op := range r.GetSuccess() {
		body, ok := rangeOf(op)
		request := &pb.RangeRequest{}
		if !ok || proto.Unmarshal(body, request) != nil {
			return errors.New("the operation has another form")
		}
		keys = append(keys, string(request.GetKey()))
	}
	s.mu.Lock()
	way := s.way
	if s.silent != nil && s.silent(len(s.trips)) {
		way = time.Minute
	}
	s.trips = append(s.trips, keys)
	s.riders = append(s.riders, riders)
	s.mu.Unlock()
	p.Begins("a")
	select {
	case <-time.After(way):
	case <-parent.Done():
		s.mu.Lock()
		s.ended = append(s.ended, parent.Err())
		s.mu.Unlock()
		return parent.Err()
	}
	if s.refuse != nil {
		if err := s.refuse(keys); err != nil {
			return err
		}
	}
	a.Header, a.Succeeded = &pb.ResponseHeader{Revision: 7}, true
	for _, key := range keys {
		body, err := proto.Marshal(&pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: []byte(key), Value: []byte(s.valueOf(key))}}, Count: 1})
		if err != nil {
			return err
		}
		a.Responses = append(a.Responses, protowire.AppendBytes(protowire.AppendVarint(nil, rangeTag), body))
	}
	if s.broken {
		a.Responses = a.Responses[1:]
	}
	return nil
}

func (s *server) valueOf(key string) string {
	if s.value != nil {
		return s.value(key)
	}
	return "value of " + key
}

func (s *server) batches() *Batches { return New(s.config()) }

// ended is the life of a connection that has been closed.
var ended = func() context.Context {
	life, end := context.WithCancel(context.Background())
	end()
	return life
}()

func (s *server) config() Config {
	return Config{Send: s.send, Go: func(f func(context.Context)) error {
		go f(ended) // so that no goroutine rests beyond the end of its test
		return nil
	}}
}

// get reads a key as package call does.
func (s *server) get(parent context.Context, b *Batches, key string, limit time.Duration) error {
	request := Read{Key: key}
	reply, _, err := b.Get(parent, time.Now().Add(limit), request, nil)
	if reply == nil && err == nil {
		s.mu.Lock()
		s.alone = append(s.alone, key)
		s.mu.Unlock()
		time.Sleep(s.way)
		if s.refuse != nil {
			err = s.refuse([]string{key})
		}
		if err == nil {
			reply = &pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: []byte(key), Value: []byte(s.valueOf(key))}}}
		}
		b.Back(request, reply, s.way, err)
		return err
	}
	switch {
	case err != nil:
		return err
	case len(reply.GetKvs()) != 1 || string(reply.GetKvs()[0].GetValue()) != s.valueOf(key) || reply.GetHeader().GetRevision() != 7:
		return fmt.Errorf("%s: %v", key, reply)
	}
	return nil
}

// together makes reads at the same moment, in the order of the keys, and waits for them.
func (s *server) together(t *testing.T, b *Batches, keys ...string) {
	t.Helper()
	var reading sync.WaitGroup
	for _, key := range keys {
		reading.Go(func() {
			if err := s.get(t.Context(), b, key, time.Minute); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		})
		synctest.Wait()
	}
	reading.Wait()
	synctest.Wait() // the last trip is over, so that a lone read goes alone
}

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("k", i)
	}
	return all
}

func (s *server) want(t *testing.T, alone int, trips ...int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []int
	for _, trip := range s.trips {
		got = append(got, len(trip))
	}
	if len(s.alone) != alone || fmt.Sprint(got) != fmt.Sprint(trips) {
		t.Errorf("%d reads went alone, and trips had %v operations; want %d and %v", len(s.alone), got, alone, trips)
	}
	s.alone, s.trips = nil, nil
}

func TestLoneReadsGoAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		for _, key := range names(5) {
			s.together(t, b, key)
		}
		s.want(t, 5)
	})
}

func TestReadsTravelTogetherOnceNothingIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond}
		s.together(t, s.batches(), names(10)...)
		s.want(t, 1, 9)
	})
}

func TestEqualReadsAreSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond}
		s.together(t, s.batches(), "a", "b", "b", "c", "b")
		s.want(t, 1, 2)
	})
}

func TestReadsOfDifferentKindsTravelApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		for _, r := range []Read{{Key: "k"}, {Key: "k", Serializable: true}} {
			if b.of(r).board(&seat{}, r) {
				t.Error("a read waits for one of the other kind")
			}
		}
	})
}

func TestReadsWaitAtMostForTheirPatienceOnALongWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 50 * time.Millisecond}
		b := s.batches()
		began := time.Now()
		s.together(t, b, names(10)...)
		if took := time.Since(began); took > s.way+2*time.Millisecond {
			t.Errorf("ten reads took %v on a way of %v", took, s.way)
		}
		s.want(t, 1, 9)
	})
}

// A way that has become longer looks like a busy server at first, for which reads wait up to 50 ms.
func TestRidersLeaveInTimeForTheirDeadlines(t *testing.T) {
	for _, limit := range []time.Duration{50 * time.Millisecond, 70 * time.Millisecond, 90 * time.Millisecond} {
		t.Run(limit.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{way: 500 * time.Microsecond}
				b := s.batches()
				for range 200 {
					s.together(t, b, "k")
				}
				s.mu.Lock()
				s.way = 41 * time.Millisecond
				s.mu.Unlock()
				var reading sync.WaitGroup
				end := time.Now().Add(5 * time.Second)
				for i := range 20 {
					reading.Go(func() {
						for n := 0; time.Now().Before(end); n++ {
							if err := s.get(t.Context(), b, fmt.Sprint("k", i), limit); err != nil {
								t.Errorf("read %d of reader %d, which takes %v alone: %v", n, i, s.way, err)
								return
							}
							time.Sleep(time.Duration(3+i) * time.Millisecond)
						}
					})
				}
				reading.Wait()
				if len(s.trips) == 0 {
					t.Error("no reads travelled together")
				}
			})
		})
	}
}

// Trips of one rider each would be a storm of requests that nobody waits for.
func TestRidersThatCannotBeInTimeTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 41 * time.Millisecond}
		b := s.batches()
		for range 3 {
			s.together(t, b, "k")
		}
		s.want(t, 3)
		var reading sync.WaitGroup
		reading.Go(func() {
			if err := s.get(t.Context(), b, "alone", time.Minute); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for _, key := range names(5) {
			reading.Go(func() {
				if s.get(t.Context(), b, key, 10*time.Millisecond) == nil {
					t.Error("an answer came in time")
				}
			})
		}
		reading.Wait()
		synctest.Wait()
		s.want(t, 1, 5)
	})
}

func TestFullTripsLeaveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		began := time.Now()
		s.together(t, s.batches(), names(1+2*opsMax)...)
		if took := time.Since(began); took != s.way {
			t.Errorf("full trips took %v on a way of %v", took, s.way)
		}
		s.want(t, 1, opsMax, opsMax)
	})
}

// trips are some that nothing comes of.
func trips(n int) []*trip {
	all := make([]*trip, n)
	for i := range all {
		all[i] = &trip{}
	}
	return all
}

func TestFullTripsWaitInLineWhileManyAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Second}
		q := s.batches().of(Read{})
		q.under, q.trips = underWayMax, trips(underWayMax)
		for i := range opsMax {
			r := Read{Key: fmt.Sprint(i)}
			if !q.board(q.seats.of(t.Context(), r, time.Now().Add(time.Minute)), r) {
				t.Fatal("no seat")
			}
		}
		want := func(line int) {
			t.Helper()
			q.mu.Lock()
			defer q.mu.Unlock()
			if q.under != underWayMax || len(q.line) != line {
				t.Errorf("%d under way, %d in line; want %d in line", q.under, len(q.line), line)
			}
		}
		want(1)
		q.after(q.trips[0], outcome{})
		want(0)
		time.Sleep(time.Minute)
	})
}

func TestRiderThatHasLostPatienceLeavesHoweverManyReadsGoAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		b.of(Read{}).under = 10 * underWayMax // they never come back
		began := time.Now()
		if err := s.get(t.Context(), b, "k", time.Minute); err != nil || time.Since(began) > 5*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestRiderThatHasLostPatienceLeavesWithTheReturnOfATrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: time.Millisecond}
		b := s.batches()
		q := b.of(Read{})
		q.under, q.trips = underWayMax+1, trips(underWayMax)
		read := make(chan error, 1)
		go func() { read <- s.get(t.Context(), b, "k", time.Minute) }()
		time.Sleep(time.Second)
		if len(read) != 0 {
			t.Error("more trips than allowed are under way")
		}
		if next := q.after(q.trips[0], outcome{}); next == nil {
			t.Error("the trip that is late does not leave")
		} else {
			go q.drive(t.Context(), next)
		}
		if err := <-read; err != nil {
			t.Error(err)
		}
	})
}

// denied is what a server answers to a transaction with a key that the user may not read.
func denied(keys []string) error {
	for _, key := range keys {
		if strings.HasPrefix(key, "denied") {
			return etcderr.FromRPC(status.Error(codes.PermissionDenied, "etcdserver: permission denied"), etcderr.Call{Sent: true})
		}
	}
	return nil
}

func TestRefusedTripIsReadOneByOneAndItsReasonTravelsAloneAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, refuse: denied}
		b := s.batches()
		var reading sync.WaitGroup
		read := func(key string, want error) {
			reading.Go(func() {
				if err := s.get(t.Context(), b, key, time.Minute); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", key, err, want)
				}
			})
			synctest.Wait()
		}
		for range 2 {
			for _, key := range names(4) {
				read(key, nil)
			}
			read("denied", etcderr.ErrPermissionDenied)
			reading.Wait()
		}
		s.want(t, 1+4+1+1, 4, 3)
	})
}

func TestConnectionWhoseTripsAreRefusedStopsBatchingForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, refuse: func(keys []string) error {
			if len(keys) > 1 {
				return etcderr.FromRPC(status.Error(codes.Unimplemented, "no transactions"), etcderr.Call{Sent: true})
			}
			return nil
		}}
		b := s.batches()
		for range 3 {
			s.together(t, b, names(4)...)
		}
		s.want(t, 12, 3, 3, 3)
		s.together(t, b, names(4)...)
		s.want(t, 4)
		time.Sleep(restMin)
		s.together(t, b, names(4)...)
		s.want(t, 4, 3)
	})
}

func TestAnswerThatLacksAReadCountsAsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, broken: true}
		s.together(t, s.batches(), names(4)...)
		s.want(t, 4, 3)
	})
}

func TestLargeValueTravelsAloneOnceItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{way: 900 * time.Microsecond, value: func(key string) string {
			if key == "large" {
				return strings.Repeat("v", 1<<20)
			}
			return key
		}}
		b := s.batches()
		s.together(t, b, "a", "large", "b")
		s.want(t, 1, 2)
		s.together(t, b, "a", "large", "b")
		s.want(t, 2, 1)
	})
}
