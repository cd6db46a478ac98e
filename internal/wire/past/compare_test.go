// SPDX-License-Identifier: Apache-2.0

package past_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/internal/wire/past"
)

// member is a member whose reads the test answers.
type member struct {
	*fakemember.Member
	pb.UnimplementedKVServer
	read func(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error)
}

func (m *member) Range(parent context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	return m.read(parent, r)
}

// open connects to a member in memory.
func open(t *testing.T) (*member, wire.Route) {
	m := &member{Member: fakemember.New(t, "a")}
	m.Serve(m)
	to, err := engine.Lookup(fakemember.Open(t, []*member{m}).Name())
	if err != nil {
		t.Fatal(err)
	}
	return m, wire.Route{Conn: to}
}

func at(rev int64) *pb.ResponseHeader { return &pb.ResponseHeader{Revision: rev} }

// compare returns the epoch after a comparison.
func compare(t *testing.T, p *past.Past, to wire.Route, keys [][]byte, quiet []past.Quiet) int64 {
	t.Helper()
	_, epoch, err := p.Compare(t.Context(), to, keys, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if now := p.Epoch(); now != epoch {
		t.Errorf("the comparison is of history %d, and the present one is %d", epoch, now)
	}
	return epoch
}

func TestNotesOfAnEarlierHistoryAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := open(t)
		m.read = func(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
			return &pb.RangeResponse{Header: at(4)}, nil
		}
		p := new(past.Past)
		p.Note(0, at(100), nil)
		p.Over(0, at(3))
		if p.Note(0, at(100), nil) {
			t.Error("a late note of the history that is over is taken")
		}
		if epoch := compare(t, p, to, [][]byte{nil}, nil); epoch != 1 {
			t.Errorf("after a late note the history is %d, want 1", epoch)
		}
	})
}

func TestForbiddenKeyHidesNoOtherHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := open(t)
		m.read = func(_ context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
			if string(r.Key) == "forbidden" {
				return nil, status.Error(codes.PermissionDenied, "etcdserver: permission denied")
			}
			return &pb.RangeResponse{Header: at(3)}, nil
		}
		p := new(past.Past)
		p.Note(0, at(100), nil)
		if epoch := compare(t, p, to, [][]byte{[]byte("forbidden")}, nil); epoch != 0 {
			t.Errorf("without an answer the history is %d", epoch)
		}
		if epoch := compare(t, p, to, [][]byte{[]byte("forbidden"), []byte("k")}, nil); epoch != 1 {
			t.Errorf("one forbidden key hides that the store has gone back: the history is %d, want 1", epoch)
		}
	})
}

func TestRevisionOfAComparisonIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, to := open(t)
		rev := int64(100)
		m.read = func(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
			return &pb.RangeResponse{Header: at(rev)}, nil
		}
		p := new(past.Past)
		p.Note(0, at(10), nil)
		compare(t, p, to, [][]byte{[]byte("k")}, nil)
		rev = 50 // above what was noted before the comparison
		if epoch := compare(t, p, to, [][]byte{[]byte("k")}, nil); epoch != 1 {
			t.Errorf("the store was at 100 and is at 50, and the history is %d, want 1", epoch)
		}
	})
}

// TestManyRangesAreComparedInAMoment has a server that takes a while for each, does not answer one of them, and shows the other
// history in the last one.
func TestManyRangesAreComparedInAMoment(t *testing.T) {
	for _, other := range []bool{false, true} {
		t.Run(fmt.Sprintf("another history %v", other), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const ranges = 40
				m, to := open(t)
				m.read = func(parent context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
					if len(r.RangeEnd) == 0 {
						return &pb.RangeResponse{Header: at(20)}, nil
					}
					select { // for less than the time to a hedge
					case <-time.After(400 * time.Millisecond):
					case <-parent.Done():
					}
					switch string(r.Key) {
					case "0":
						return nil, status.Error(codes.Internal, "out of order")
					case fmt.Sprint(ranges - 1):
						if other {
							return &pb.RangeResponse{Header: at(21), Count: 1}, nil
						}
					}
					return &pb.RangeResponse{Header: at(20)}, nil
				}
				p := new(past.Past)
				var quiet []past.Quiet
				for i := range ranges {
					of := past.Range{Key: fmt.Sprint(i), End: "z"}
					p.Listed(0, at(10), of, nil, 0)
					quiet = append(quiet, past.Quiet{Range: of, From: 10, Rev: 15})
				}
				began := time.Now()
				epoch := compare(t, p, to, [][]byte{[]byte("k")}, quiet)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("the watches waited for %v", took)
				}
				if want := map[bool]int64{true: 1}[other]; epoch != want {
					t.Errorf("the history is %d, want %d", epoch, want)
				}
			})
		})
	}
}
