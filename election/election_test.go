// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/lease"
)

func TestCandidatesLeadOneAfterTheOther(t *testing.T) {
	if _, err := election.Leader(t.Context(), named(t)); !errors.Is(err, etcderr.ErrElectionNoLeader) {
		t.Errorf("before the first campaign: %v", err)
	}
	first := win(t, "a")
	pending := election.CampaignRequest(t.Context(), named(t).WithLease(grant(t)).WithValue("b"))
	await(t, 2)
	r, err := election.Leader(t.Context(), named(t))
	if err != nil || string(r.GetKv().GetValue()) != "a" {
		t.Errorf("the leader is %v, %v", r, err)
	}
	proclaim(t, first, "a2")
	if r, err := election.Leader(t.Context(), named(t)); err != nil || string(r.GetKv().GetValue()) != "a2" {
		t.Errorf("the leader is %v, %v", r, err)
	}
	select {
	case <-pending.Done():
		t.Fatal("a second candidate leads")
	default:
	}
	resign(t, first)
	resign(t, first) // changes nothing
	won, err := pending.Response()
	if err != nil {
		t.Fatal(err)
	}
	second := won.GetLeader()
	if string(second.GetName()) != t.Name() || second.GetRev() <= first.GetRev() {
		t.Errorf("%v leads after %v", second, first)
	}
	former := election.New(registry).WithLeader(first).WithValue("a3")
	if _, err := election.Proclaim(t.Context(), former); !errors.Is(err, etcderr.ErrElectionNotLeader) {
		t.Errorf("a former leader proclaims: %v", err)
	}
	resign(t, second)
	await(t, 0)
}

func TestCandidateThatGivesUpLeavesNoKey(t *testing.T) {
	win(t, "leader")
	for name, campaign := range map[string]func(parent context.Context, c ctx.Ctx) error{
		"Campaign": func(parent context.Context, c ctx.Ctx) error { _, err := election.Campaign(parent, c); return err },
		"CampaignRequest": func(parent context.Context, c ctx.Ctx) error {
			_, err := election.CampaignRequest(parent, c).Response()
			return err
		},
	} {
		waiter := named(t).WithLease(grant(t)).WithValue("waiter")
		if err := campaign(t.Context(), waiter.WithTimeout(300*time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		parent, cancel := context.WithCancel(t.Context())
		time.AfterFunc(300*time.Millisecond, cancel)
		if err := campaign(parent, waiter); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if all := keys(t); len(all) != 1 || string(all[0].GetValue()) != "leader" {
			t.Errorf("%s: the candidates are %v", name, all)
		}
	}
}

func TestCampaignEndsWithItsLeaseAndItsConnection(t *testing.T) {
	win(t, "leader")
	id := grant(t)
	pending := election.CampaignRequest(t.Context(), named(t).WithLease(id))
	await(t, 2)
	if _, err := lease.Revoke(t.Context(), lease.New(registry), id); err != nil {
		t.Fatal(err)
	}
	select {
	case <-pending.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("a candidate whose lease has ended still waits")
	}
	if _, err := pending.Response(); !errors.Is(err, etcderr.ErrLeaseNotFound) {
		t.Errorf("got %v", err)
	}

	shared, err := conn.Lookup(registry)
	if err != nil {
		t.Fatal(err)
	}
	c, err := conn.Open(t.Context(), "", []string{shared.Info()[0].Address})
	if err != nil {
		t.Fatal(err)
	}
	pending = election.CampaignRequest(t.Context(), named(t).WithConn(c.Name()).WithLease(grant(t)))
	await(t, 2)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := pending.Response(); !errors.Is(err, conn.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	campaign := func(c ctx.Ctx) error { _, err := election.Campaign(t.Context(), c); return err }
	request := func(c ctx.Ctx) error { _, err := election.CampaignRequest(t.Context(), c).Response(); return err }
	proclaim := func(c ctx.Ctx) error { _, err := election.Proclaim(t.Context(), c); return err }
	leader := func(c ctx.Ctx) error { _, err := election.Leader(t.Context(), c); return err }
	resign := func(c ctx.Ctx) error { _, err := election.Resign(t.Context(), c); return err }
	observe := func(c ctx.Ctx) error { _, err := election.Observe(t.Context(), c); return err }
	run := func(ttl time.Duration) func(ctx.Ctx) error {
		return func(c ctx.Ctx) error {
			return election.Run(t.Context(), c, ttl, func(context.Context, *election.Leadership) error {
				t.Error("the function has run")
				return nil
			})
		}
	}
	free, good := election.New(registry), named(t)
	nobody := &v3electionpb.LeaderKey{Key: []byte("k"), Rev: 1}
	for name, c := range map[string]struct {
		call func(ctx.Ctx) error
		c    ctx.Ctx
		is   error
	}{
		"campaign without a name":       {campaign, free.WithLease(7), ctx.ErrInvalid},
		"campaign without a lease":      {campaign, good, ctx.ErrInvalid},
		"campaign with a key":           {campaign, good.WithLease(7).WithKey("k"), ctx.ErrInvalid},
		"campaign with a short timeout": {campaign, good.WithLease(7).WithTimeout(1), ctx.ErrInvalid},
		"campaign, unknown lease":       {campaign, good.WithLease(4711), etcderr.ErrLeaseNotFound},
		"campaign, no connection":       {campaign, good.WithConn("").WithLease(7), conn.ErrNotOpen},
		"campaign, unknown endpoint":    {campaign, good.WithLease(7).WithEndpoint("nowhere:1"), conn.ErrEndpoint},
		"request without a name":        {request, free.WithLease(7), ctx.ErrInvalid},
		"request, no connection":        {request, good.WithConn("").WithLease(7), conn.ErrNotOpen},
		"proclaim without a leader":     {proclaim, free, etcderr.ErrMissingLeaderKey},
		"proclaim with no leader":       {proclaim, free.WithLeader(nil), etcderr.ErrMissingLeaderKey},
		"proclaim with a name":          {proclaim, good, ctx.ErrInvalid},
		"proclaim, not a leader":        {proclaim, free.WithLeader(nobody), etcderr.ErrElectionNotLeader},
		"leader without a name":         {leader, free, ctx.ErrInvalid},
		"leader, none":                  {leader, good, etcderr.ErrElectionNoLeader},
		"resign without a leader":       {resign, free, etcderr.ErrMissingLeaderKey},
		"resign with a value":           {resign, free.WithValue("v"), ctx.ErrInvalid},
		"observe without a name":        {observe, free, ctx.ErrInvalid},
		"observe, no connection":        {observe, good.WithConn(""), conn.ErrNotOpen},
		"run without a name":            {run(time.Second), free, ctx.ErrInvalid},
		"run with a lease":              {run(time.Second), good.WithLease(7), ctx.ErrInvalid},
		"run with a TTL of 0":           {run(0), good, ctx.ErrInvalid},
		"run with a TTL of 10 ns":       {run(10), good, ctx.ErrInvalid},
		"run with a TTL of ages":        {run(1<<63 - 1), good, etcderr.ErrLeaseTTLTooLarge},
		"run, no connection":            {run(time.Second), good.WithConn(""), conn.ErrNotOpen},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.call(c.c); !errors.Is(err, c.is) {
				t.Errorf("got %v, want %v", err, c.is)
			}
		})
	}
	if err := election.Run(t.Context(), good, time.Second, nil); !errors.Is(err, ctx.ErrInvalid) {
		t.Errorf("run without a function: %v", err)
	}
	await(t, 0)
}
