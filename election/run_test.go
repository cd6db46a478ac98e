// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/op"
)

func TestRunLeadsProclaimsAndResigns(t *testing.T) {
	mine := errors.New("mine")
	err := election.Run(t.Context(), named(t).WithValue("a"), 10*time.Second, func(leading context.Context, l *election.Leadership) error {
		r, err := election.Leader(leading, named(t))
		if err != nil || string(r.GetKv().GetKey()) != string(l.Key.GetKey()) || string(r.GetKv().GetValue()) != "a" ||
			r.GetKv().GetCreateRevision() != l.Key.GetRev() || r.GetKv().GetLease() != l.Key.GetLease() {
			t.Errorf("%v leads, as %v, %v", l.Key, r, err)
		}
		if err := l.Proclaim(leading, "b"); err != nil {
			t.Error(err)
		}
		if r, err := election.Leader(leading, named(t)); err != nil || string(r.GetKv().GetValue()) != "b" {
			t.Errorf("after Proclaim: %v, %v", r, err)
		}
		return mine
	})
	if !errors.Is(err, mine) || errors.Is(err, election.ErrLost) {
		t.Errorf("got %v", err)
	}
	if n := len(keys(t)); n != 0 {
		t.Errorf("%d candidates are left", n)
	}
}

func TestLeaderIsToldOfItsLossAndItsFencedWriteFails(t *testing.T) {
	work := kv.Key(t.Name() + ":work").WithValue("done")
	err := election.Run(t.Context(), named(t), 3*time.Second, func(leading context.Context, l *election.Leadership) error {
		fenced := op.If(l.Guard()).Then(op.Put(work))
		if r, err := kv.Txn(t.Context(), kv.New(registry), fenced); err != nil || !r.GetSucceeded() {
			t.Errorf("the leader may not write: %v, %v", r, err)
		}
		if _, err := lease.Revoke(t.Context(), lease.New(registry), l.Key.GetLease()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-leading.Done():
		case <-time.After(5 * time.Second):
			t.Error("the leader is not told")
		}
		if cause := context.Cause(leading); !errors.Is(cause, election.ErrLost) {
			t.Errorf("the cause is %v", cause)
		}
		if r, err := kv.Txn(t.Context(), kv.New(registry), fenced); err != nil || r.GetSucceeded() {
			t.Errorf("a former leader may write: %v, %v", r, err)
		}
		if err := l.Proclaim(t.Context(), "x"); !errors.Is(err, etcderr.ErrElectionNotLeader) {
			t.Errorf("a former leader proclaims: %v", err)
		}
		return nil
	})
	if !errors.Is(err, election.ErrLost) {
		t.Errorf("got %v", err)
	}
}

func TestRunThatGivesUpWaitingLeavesNothing(t *testing.T) {
	win(t, "leader")
	err := election.Run(t.Context(), named(t).WithTimeout(300*time.Millisecond), time.Minute, func(context.Context, *election.Leadership) error {
		t.Error("it has run")
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if n := len(keys(t)); n != 1 {
		t.Errorf("%d candidates are there, want one", n)
	}
}
