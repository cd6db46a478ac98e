// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

func newLessons() *lessons { return &lessons{limit: opsMax, ops: opsMax} }

var noon = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)

// brought is the outcome of a trip that came back well.
func brought(member uint64, ops int, took time.Duration) outcome {
	return outcome{seats: ops, ops: ops, bytes: ops, member: member, took: took}
}

func TestMembersAtDifferentDistancesAreNotBusy(t *testing.T) {
	l := newLessons()
	for range 100 {
		l.of(brought(1, 1, time.Millisecond), noon)
		l.of(brought(2, 1, 40*time.Millisecond), noon)
	}
	if p := l.patience(); p != patienceMin {
		t.Errorf("the patience is %v, want %v", p, patienceMin)
	}
	for range 100 {
		l.of(brought(1, 1, 5*time.Millisecond), noon)
	}
	if p := l.patience(); p < 4*time.Millisecond || p > 10*time.Millisecond {
		t.Errorf("the patience with a member that takes four milliseconds longer is %v", p)
	}
}

func TestTripsOfSeveralAttemptsTeachNothingOfTheWay(t *testing.T) {
	l := newLessons()
	l.of(brought(1, 1, time.Millisecond), noon)
	for range 100 {
		l.of(brought(1, 1, 0), noon)
	}
	if p := l.patience(); p != patienceMin {
		t.Errorf("the patience is %v, want %v", p, patienceMin)
	}
}

func TestMembersThatAreRememberedAreFew(t *testing.T) {
	l := newLessons()
	for member := range uint64(10 * waysMax) {
		l.of(brought(member, 1, time.Millisecond), noon)
	}
	if len(l.ways) > waysMax {
		t.Errorf("%d members are remembered", len(l.ways))
	}
}

func TestTripsThatComeTooLateGetSmallerUntilTheyComeInTime(t *testing.T) {
	l := newLessons()
	late := outcome{ops: opsMax, late: true, err: status.Error(codes.DeadlineExceeded, "")}
	for want := opsMax / 2; want >= 1; want /= 2 {
		late.ops = l.room()
		if l.of(late, noon); l.room() != want {
			t.Fatalf("after a late trip of %d, the next one has room for %d, want %d", late.ops, l.room(), want)
		}
	}
	late.ops = 1
	if l.of(late, noon); l.room() != 1 {
		t.Errorf("there is room for %d", l.room())
	}
	for want := 2; want <= opsMax; want *= 2 {
		if l.of(brought(1, l.room(), time.Millisecond), noon); l.room() != want {
			t.Fatalf("the next trip has room for %d, want %d", l.room(), want)
		}
	}
	if l.of(brought(1, opsMax, time.Millisecond), noon); l.room() != opsMax {
		t.Errorf("there is room for %d", l.room())
	}
}

func TestTripsOfEqualReadsGrowToo(t *testing.T) {
	l := newLessons()
	l.ops = 1
	for range 8 {
		l.of(outcome{seats: l.room(), ops: 1, bytes: 1, member: 1, took: time.Millisecond}, noon)
	}
	if l.room() != opsMax {
		t.Errorf("there is room for %d, want %d", l.room(), opsMax)
	}
}

func TestTripsOfSmallAnswersAreNotLateForTheirSize(t *testing.T) {
	l := newLessons()
	l.of(brought(1, opsMax, time.Millisecond), noon)
	l.of(outcome{seats: opsMax, ops: opsMax, late: true, err: status.Error(codes.DeadlineExceeded, "")}, noon)
	if l.room() != opsMax {
		t.Errorf("there is room for %d, want %d", l.room(), opsMax)
	}
}

func TestTripsBeyondAnotherLimitGetSmaller(t *testing.T) {
	l := newLessons()
	beyond := etcderr.FromRPC(status.Error(codes.ResourceExhausted, "trying to send message larger than max (9 vs. 8)"), etcderr.Call{})
	if !refusal(beyond) {
		t.Error("it is no refusal, so the riders do not go alone")
	}
	l.of(outcome{seats: opsMax, ops: opsMax, refused: true, err: beyond}, noon)
	if l.room() != opsMax/2 {
		t.Errorf("there is room for %d, want %d", l.room(), opsMax/2)
	}
}

func TestOutageIsNoLongWay(t *testing.T) {
	l := newLessons()
	l.of(brought(1, 1, time.Millisecond), noon)
	l.of(brought(1, 1, 5*time.Second), noon)
	for range 40 {
		l.of(brought(1, 1, time.Millisecond), noon)
	}
	if p := l.patience(); p != patienceMin {
		t.Errorf("forty answers after an outage, the patience is %v, want %v", p, patienceMin)
	}
}

func TestOneLateAnswerHurriesNobody(t *testing.T) {
	l := newLessons()
	if _, known := l.leaveBy(noon); known {
		t.Error("what an answer takes is known before the first one")
	}
	for _, d := range []time.Duration{time.Millisecond, 5 * time.Second} {
		l.of(brought(1, 1, d), noon)
	}
	by, known := l.leaveBy(noon.Add(200 * time.Millisecond))
	if wait := by.Sub(noon); !known || wait < patienceMax || wait > 199*time.Millisecond {
		t.Errorf("after an outage, a rider with 200 ms may wait for %v (%v)", wait, known)
	}
	for range 20 {
		l.of(brought(1, 1, 5*time.Second), noon)
	}
	if by, _ := l.leaveBy(noon.Add(6 * time.Second)); by.Sub(noon) > time.Second || by.Before(noon) {
		t.Errorf("where answers take 5 s, a rider with 6 s may wait for %v", by.Sub(noon))
	}
}

func TestTripsNeverOutgrowTheLimitOfTheServer(t *testing.T) {
	l := newLessons()
	l.of(outcome{ops: 32, refused: true, err: etcderr.ErrTooManyOps}, noon)
	for range 8 {
		l.of(brought(1, l.room(), time.Millisecond), noon)
	}
	if l.room() != 16 {
		t.Errorf("there is room for %d, want 16", l.room())
	}
}

func TestTripsThatAreRefusedTogetherCountOnce(t *testing.T) {
	l := newLessons()
	refused := outcome{ops: 2, refused: true, began: noon, err: errors.New("no")}
	for range 10 * refusedMax {
		l.of(refused, noon.Add(time.Millisecond))
	}
	if l.rest != 0 {
		t.Fatalf("trips that were under way together stopped batching for %v", l.rest)
	}
	for n := range refusedMax - 1 {
		refused.began = noon.Add(time.Duration(n+1) * time.Second)
		l.of(refused, refused.began.Add(time.Millisecond))
	}
	if l.rest != restMin {
		t.Errorf("after %d refusals, one after the other, there are no trips for %v, want %v", refusedMax, l.rest, restMin)
	}
}

func TestServerThatTakesNoOperationAtAllCountsAsRefusing(t *testing.T) {
	l := newLessons()
	for n := range refusedMax {
		began := noon.Add(time.Duration(n) * time.Second)
		l.of(outcome{ops: 1, refused: true, began: began, err: etcderr.ErrTooManyOps}, began.Add(time.Millisecond))
	}
	if l.rest != restMin {
		t.Errorf("there are no trips for %v, want %v", l.rest, restMin)
	}
}

func TestReadWithoutTheValueSaysNothingOfItsSize(t *testing.T) {
	l := newLessons()
	key, bare := []byte("large"), Read{Key: "large"}
	large := &pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: key, Value: make([]byte, largeAnswer)}}}
	without := &pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: key}}}
	l.came(bare, large, time.Millisecond, nil)
	l.came(Read{Message: &pb.RangeRequest{Key: key, KeysOnly: true}}, without, time.Millisecond, nil)
	l.came(Read{Message: &pb.RangeRequest{Key: key, CountOnly: true}}, &pb.RangeResponse{Count: 1}, time.Millisecond, nil)
	if !l.alone(bare) {
		t.Error("a key with a large value travels in company after a read without the value")
	}
	l.came(bare, &pb.RangeResponse{}, time.Millisecond, status.Error(codes.Unavailable, ""))
	if !l.alone(bare) {
		t.Error("a key with a large value travels in company after a read that failed")
	}
	l.came(bare, without, time.Millisecond, nil)
	if l.alone(bare) {
		t.Error("a key whose value is small again travels alone")
	}
}

func TestRefusalsOfTripsThatWereUnderWayTogetherHalveTheLimitOnce(t *testing.T) {
	l := newLessons()
	for range 8 {
		l.of(outcome{ops: opsMax, refused: true, err: etcderr.ErrTooManyOps}, noon)
		l.of(brought(2, opsMax, time.Millisecond), noon) // by a member that takes more
	}
	if l.room() != opsMax/2 {
		t.Errorf("there is room for %d, want %d", l.room(), opsMax/2)
	}
}

func TestTripThatWasTooLargeEndsTheTryOfALargerOne(t *testing.T) {
	l := newLessons()
	l.of(outcome{ops: opsMax, refused: true, err: etcderr.ErrTooManyOps}, noon)
	later := noon.Add(limitAge)
	l.of(brought(1, l.limit, time.Millisecond), later)
	if l.room() != opsMax {
		t.Fatalf("there is room for %d, want %d", l.room(), opsMax)
	}
	l.of(outcome{ops: opsMax / 2, refused: true, err: etcderr.FromRPC(status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5000000 vs. 4194304)"), etcderr.Call{Sent: true, Read: true})}, later)
	if l.room() != opsMax/4 {
		t.Errorf("there is room for %d, want %d", l.room(), opsMax/4)
	}
}

func TestOnlyOneTripTriesToHaveMoreOperationsThanTheServerTook(t *testing.T) {
	l := newLessons()
	l.of(outcome{ops: opsMax, refused: true, err: etcderr.ErrTooManyOps}, noon)
	room := func(want int, now time.Time) {
		t.Helper()
		if l.of(brought(1, l.limit, time.Millisecond), now); l.room() != want {
			t.Fatalf("there is room for %d, want %d", l.room(), want)
		}
	}
	room(opsMax/2, noon.Add(limitAge-1))
	later := noon.Add(limitAge)
	room(opsMax, later)
	l.leaves(later)
	room(opsMax/2, later) // while the try is under way
	l.of(outcome{ops: opsMax, refused: true, err: etcderr.ErrTooManyOps}, later)
	room(opsMax/2, later.Add(limitAge-1))

	later = later.Add(limitAge)
	room(opsMax, later)
	l.leaves(later)
	l.of(brought(1, opsMax/4, time.Millisecond), later) // it had few riders
	room(opsMax/2, later.Add(limitAge-1))

	later = later.Add(limitAge)
	room(opsMax, later)
	l.leaves(later)
	l.of(brought(1, opsMax, time.Millisecond), later)
	room(opsMax, later)
}
