// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/op"
)

func TestRunLeadsProclaimsAndResigns(t *testing.T) {
	mine := errors.New("mine")
	c := named(t).WithValue("a")
	err := election.Run(t.Context(), c, 10*time.Second, func(leading context.Context, l *election.Leadership) error {
		r, err := election.Leader(leading, named(t))
		if err != nil || string(r.GetKv().GetKey()) != string(l.Key.GetKey()) || string(r.GetKv().GetValue()) != "a" ||
			r.GetKv().GetCreateRevision() != l.Key.GetRev() || r.GetKv().GetLease() != l.Key.GetLease() {
			t.Errorf("%v leads, as %v, %v", l.Key, r, err)
		}
		if left := time.Until(l.ValidUntil()); left <= 0 || left > 10*time.Second {
			t.Errorf("it is valid for %v", left)
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
			t.Error("the context of the leader is not cancelled")
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

func TestGuardOfALeaderKeyFencesLikeTheLeadershipItself(t *testing.T) {
	won := win(t, "a")
	fenced := op.If(election.GuardOf(won)).Then(op.Put(kv.Key(t.Name() + ":work")))
	if r, err := kv.Txn(t.Context(), kv.New(registry), fenced); err != nil || !r.GetSucceeded() {
		t.Errorf("the leader may not write: %v, %v", r, err)
	}
	resign(t, won)
	again, err := election.Campaign(t.Context(), named(t).WithLease(won.GetLease()).WithValue("b"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := kv.Txn(t.Context(), kv.New(registry), fenced); err != nil || r.GetSucceeded() {
		t.Errorf("a former leadership of the same lease may write: %v, %v", r, err)
	}
	resign(t, again.GetLeader())
}

func TestCampaignWithTheSameLeaseIsTheSameCandidacyWithTheNewerValue(t *testing.T) {
	c := named(t).WithLease(grant(t))
	var revs []int64
	for _, value := range []string{"a", "b", "b"} {
		won, err := election.Campaign(t.Context(), c.WithValue(value))
		if err != nil {
			t.Fatal(err)
		}
		revs = append(revs, won.GetLeader().GetRev())
		if all := keys(t); len(all) != 1 || string(all[0].GetValue()) != value || all[0].GetLease() != sealed.Ctx(c).Lease() {
			t.Errorf("the candidates are %v, want one with %q", all, value)
		}
	}
	if revs[0] != revs[1] || revs[1] != revs[2] {
		t.Errorf("the leaderships are %d", revs)
	}
}

func TestRunThatGivesUpWaitingLeavesNothing(t *testing.T) {
	win(t, "leader")
	hasty := named(t).WithTimeout(300 * time.Millisecond)
	err := election.Run(t.Context(), hasty, time.Minute, func(context.Context, *election.Leadership) error {
		t.Error("the function has run")
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, election.ErrNotAcquired) {
		t.Errorf("got %v", err)
	}
	if n := len(keys(t)); n != 1 {
		t.Errorf("%d candidates are there, want one", n)
	}
}
