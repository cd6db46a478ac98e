// SPDX-License-Identifier: Apache-2.0

package typed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/typed"
)

// story is an update of a number, which begins at 5 or is not there, with a first write whose answer does not arrive.
type story struct {
	missing bool
	applied bool                                      // the first write arrives
	after   func(t *testing.T, c typed.Request)       // what others do before it is sent again
	again   func(t *testing.T, c typed.Request) error // what others do after that; an error replaces the answer
	read    func(t *testing.T, c typed.Request)       // what others do before the key is read for the second time

	unknown bool
	reason  error
	want    string // the value in the end; "": nothing is there
	rounds  int
}

func puts(values ...string) func(t *testing.T, c typed.Request) {
	return func(t *testing.T, c typed.Request) {
		for _, value := range values {
			if value == "" {
				remove(t, c, "n")
			} else {
				put(t, c, "n", value)
			}
		}
	}
}

// The update adds 1.
var stories = map[string]story{
	"the write was lost":                               {want: "6", rounds: 1},
	"the answer was lost":                              {applied: true, unknown: true, want: "6", rounds: 1},
	"lost, and another value is next":                  {after: puts("7"), want: "8", rounds: 2},
	"lost, and others have written much":               {after: puts("7", "6", "9"), want: "10", rounds: 2},
	"lost, and another has written the same":           {after: puts("6"), unknown: true, want: "6", rounds: 1},
	"lost, and another was first with the same":        {after: puts("6", "20"), unknown: true, want: "20", rounds: 1},
	"applied, and others have written since":           {applied: true, after: puts("7", "8"), unknown: true, want: "8", rounds: 1},
	"lost, and deleted":                                {after: puts(""), want: "1", rounds: 2},
	"lost, deleted and created anew with the same":     {after: puts("", "6"), want: "7", rounds: 2},
	"lost, changed, deleted and created":               {after: puts("7", "", "6"), want: "7", rounds: 2},
	"applied, and deleted":                             {applied: true, after: puts(""), unknown: true, want: "", rounds: 1},
	"applied, deleted and created anew":                {applied: true, after: puts("", "3", "4"), unknown: true, want: "4", rounds: 1},
	"lost, and the next attempt is refused for good":   {again: denied, unknown: true, reason: etcderr.ErrPermissionDenied, want: "6", rounds: 1},
	"lost, and the history is compacted":               {after: compacted("7", "8", "9"), unknown: true, reason: etcderr.ErrCompacted, want: "9", rounds: 1},
	"lost, the next version is there and no history":   {after: compacted("7"), want: "8", rounds: 2},
	"lost, and the same value under a lease":           {after: leased("6"), want: "7", rounds: 2},
	"creation lost":                                    {missing: true, want: "1", rounds: 1},
	"creation applied":                                 {missing: true, applied: true, unknown: true, want: "1", rounds: 1},
	"creation lost, and another creates":               {missing: true, after: puts("7"), want: "8", rounds: 2},
	"creation lost, and another creates the same":      {missing: true, after: puts("1"), unknown: true, want: "1", rounds: 1},
	"creation lost, another writes the same later":     {missing: true, after: puts("7", "1"), want: "2", rounds: 2},
	"creation lost, another life comes and goes":       {missing: true, after: puts("7", "8", ""), want: "1", rounds: 1},
	"creation applied, and changed":                    {missing: true, applied: true, after: puts("7"), unknown: true, want: "7", rounds: 1},
	"creation applied, and deleted":                    {missing: true, applied: true, after: puts(""), unknown: true, want: "1", rounds: 1},
	"creation applied, deleted, and another creates":   {missing: true, applied: true, after: puts("", "7"), unknown: true, want: "7", rounds: 1},
	"creation lost, and the same in a later life":      {missing: true, after: puts("7", "", "1", "", "3"), unknown: true, want: "3", rounds: 1},
	"creation lost, no history, and another creates":   {missing: true, after: compacted("7", "8"), unknown: true, reason: etcderr.ErrCompacted, want: "8", rounds: 1},
	"creation lost, and another's is gone when read":   {missing: true, after: puts("7"), read: puts(""), unknown: true, want: "", rounds: 1},
	"creation lost twice":                              {missing: true, again: func(*testing.T, typed.Request) error { return lost }, unknown: true, want: "1", rounds: 1},
	"lost twice, the second time after it was applied": {again: func(*testing.T, typed.Request) error { return lost }, unknown: true, want: "6", rounds: 1},
}

func denied(*testing.T, typed.Request) error { return etcderr.ErrPermissionDenied }

func compacted(values ...string) func(t *testing.T, c typed.Request) {
	return func(t *testing.T, c typed.Request) {
		puts(values...)(t, c)
		rev := put(t, c, "other", "1")
		if _, err := kv.Compact(t.Context(), kv.New(sealed.Ctx(c).Conn()).WithRev(rev)); err != nil {
			t.Fatal(err)
		}
	}
}

func leased(value string) func(t *testing.T, c typed.Request) {
	return func(t *testing.T, c typed.Request) {
		granted, err := lease.Grant(t.Context(), lease.New(sealed.Ctx(c).Conn()), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		put(t, c.WithLease(granted.GetID()), "n", value)
	}
}

func TestUpdateCountsOnceWhateverBecameOfItsAnswer(t *testing.T) {
	for name, s := range stories {
		t.Run(name, func(t *testing.T) {
			c := base(t)
			if !s.missing {
				put(t, c, "n", "5")
			}
			own := c.WithConn(meddler(t, func(r request) error {
				switch {
				case r.method == "Txn" && r.n == 1 && s.applied:
					if err := r.send(); err != nil {
						return err
					}
					return lost
				case r.method == "Txn" && r.n == 1:
					return r.lose()
				case r.method == "Txn" && r.n == 2:
					if s.after != nil {
						s.after(t, c)
					}
					err := r.send()
					if s.again != nil {
						return s.again(t, c)
					}
					return err
				case r.method == "Range" && r.n == 2 && s.read != nil:
					s.read(t, c)
				}
				return r.send()
			}))
			rounds := 0
			entry, err := numbers(own).Update(t.Context(), "n", func(old int, _ bool) (int, error) {
				rounds++
				return old + 1, nil
			})
			switch {
			case s.unknown:
				wantFailure(t, err, etcderr.Unknown)
				if s.reason != nil && !errors.Is(err, s.reason) {
					t.Errorf("%q is not %q", err, s.reason)
				}
				var failed *etcderr.Error
				if !errors.As(err, &failed) || failed.Message() != "error reading from server: EOF" {
					t.Errorf("%v does not tell how it began", err)
				}
				t.Log(err)
			case err != nil:
				t.Fatal(err)
			default:
				if want, err := numbers(c).Get(t.Context(), "n"); entry != want || err != nil {
					t.Errorf("%+v was returned, and %+v is there: %v", entry, want, err)
				}
			}
			if rounds != s.rounds {
				t.Errorf("%d rounds, want %d", rounds, s.rounds)
			}
			if s.want != "" {
				wantValue(t, c, "n", s.want)
			} else if got := get(t, c, "n"); got != nil {
				t.Errorf("%v is there", got)
			}
		})
	}
}

func TestUpdateWhoseAnswersAreAllLostIsUnknownWhenItsTimeIsUp(t *testing.T) {
	c := base(t)
	put(t, c, "n", "5")
	own := c.WithConn(meddler(t, func(r request) error {
		if r.method == "Txn" {
			return r.lose()
		}
		return r.send()
	}))
	_, err := numbers(own.WithTimeout(400*time.Millisecond)).Update(t.Context(), "n", increment)
	wantFailure(t, err, etcderr.Unknown, context.DeadlineExceeded)
	wantValue(t, c, "n", "5")
}

// A member that hangs may carry the write out when it goes on. The others do it before that.
func TestUpdateGoesOnElsewhereWhileAMemberHangs(t *testing.T) {
	three := etcdtest.Start(t, etcdtest.WithSize(3))
	c := typed.New(open(t, three)).WithKey("n")
	s := numbers(c.WithTimeout(20 * time.Second))
	leader := three.Leader()
	for i, member := range three.Members() {
		if member == leader {
			continue
		}
		hung := false
		entry, err := s.Update(t.Context(), "/", func(old int, _ bool) (int, error) {
			if !hung {
				member.Pause()
				hung = true
			}
			return old + 1, nil
		})
		member.Resume()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("update %d: %+v", i, entry)
		wantValue(t, c, "/", fmt.Sprint(entry.Value))
	}
}

// TestErrorAfterACreationThatMayComeLateIsUnknown loses a creation, and has another client create the key. Then the creation may be
// carried out as soon as the key is deleted, whatever the update ends with.
func TestErrorAfterACreationThatMayComeLateIsUnknown(t *testing.T) {
	c := base(t)
	own := c.WithConn(meddler(t, func(r request) error {
		switch {
		case r.method == "Txn" && r.n == 1:
			return r.lose()
		case r.method == "Txn" && r.n == 2:
			put(t, c, "n", "7")
		}
		return r.send()
	}))
	taken := errors.New("taken")
	_, err := numbers(own).Update(t.Context(), "n", func(old int, there bool) (int, error) {
		if there {
			return 0, taken
		}
		return 1, nil
	})
	wantFailure(t, err, etcderr.Unknown, taken)
	var failed *etcderr.Error
	if !errors.As(err, &failed) || failed.Message() != "error reading from server: EOF" {
		t.Errorf("%v does not tell of the creation", err)
	}
	wantValue(t, c, "n", "7")
}

// misfits are answers to the transaction of an update that etcd does not give.
var misfits = map[string][]*pb.ResponseOp{
	"no result":           nil,
	"a result of a write": {{Response: &pb.ResponseOp_ResponsePut{ResponsePut: &pb.PutResponse{}}}},
}

func TestUpdateDoesNotTakeAnAnswerThatDoesNotFitForAMissingKey(t *testing.T) {
	for name, results := range misfits {
		t.Run(name, func(t *testing.T) {
			c := base(t)
			put(t, c, "n", "5")
			var answers atomic.Int64
			own := c.WithConn(open(t, cluster, grpc.WithUnaryInterceptor(
				func(parent context.Context, path string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
					err := invoke(parent, path, req, reply, cc, opts...)
					if answer, ok := reply.(*pb.TxnResponse); ok && answers.Add(1) == 1 {
						answer.Succeeded, answer.Responses = false, results
					}
					return err
				})))
			_, err := numbers(own).Update(t.Context(), "n", func(old int, _ bool) (int, error) { return old + 1, nil })
			wantFailure(t, err, etcderr.Unknown)
			if !strings.Contains(err.Error(), "lacks the result of read 0") {
				t.Errorf("%v", err)
			}
			wantValue(t, c, "n", "6")
		})
	}
}
