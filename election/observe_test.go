// SPDX-License-Identifier: Apache-2.0

package election_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

// observed reads n responses: the leader's value, or "-" for a vacancy.
func observed(t *testing.T, o *election.Observer, n int) []string {
	t.Helper()
	stop := time.AfterFunc(30*time.Second, func() { _ = o.Close() })
	defer stop.Stop()
	var all []string
	for r, err := range o.All() {
		switch {
		case err != nil:
			t.Fatalf("after %q: %v", all, err)
		case r.GetKv() == nil:
			all = append(all, "-")
		default:
			all = append(all, string(r.GetKv().GetValue()))
		}
		if r.GetHeader().GetRevision() == 0 {
			t.Error("a response without a revision")
		}
		if len(all) == n {
			return all
		}
	}
	t.Fatalf("it ended after %q", all)
	return nil
}

func TestObserverTellsLeadersProclamationsAndVacanciesInOrder(t *testing.T) {
	o, err := election.Observe(t.Context(), named(t))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	want := []string{"-"}
	got := observed(t, o, 1)
	first := win(t, "a")
	want = append(want, "a")
	for i := range 20 {
		proclaim(t, first, fmt.Sprint("a", i))
		want = append(want, fmt.Sprint("a", i))
	}
	second := election.CampaignRequest(t.Context(), named(t).WithLease(grant(t)).WithValue("b"))
	await(t, 2)
	got = append(got, observed(t, o, 5)...) // to leave the loop loses nothing
	resign(t, first)
	won, err := second.Response()
	if err != nil {
		t.Fatal(err)
	}
	resign(t, won.GetLeader())
	third := win(t, "c")
	resign(t, third)
	want = append(want, "b", "-", "c", "-")
	got = append(got, observed(t, o, len(want)-len(got))...)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestObserverEndsWithCloseItsContextAndItsConnection(t *testing.T) {
	parent, cancel := context.WithCancelCause(t.Context())
	o, err := election.Observe(parent, named(t))
	if err != nil {
		t.Fatal(err)
	}
	observed(t, o, 1)
	mine := errors.New("mine")
	time.AfterFunc(50*time.Millisecond, func() { cancel(mine) })
	var last error
	for _, last = range o.All() {
	}
	if !errors.Is(last, mine) {
		t.Errorf("with its context it ended with %v", last)
	}

	o, err = election.Observe(t.Context(), named(t))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = o.Close() })
	for _, err := range o.All() {
		if err != nil {
			t.Errorf("with Close it ended with %v", err)
		}
	}

	shared, err := conn.Lookup(registry)
	if err != nil {
		t.Fatal(err)
	}
	c, err := conn.Open(t.Context(), "", []string{shared.Info()[0].Address})
	if err != nil {
		t.Fatal(err)
	}
	o, err = election.Observe(t.Context(), named(t).WithConn(c.Name()))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = c.Close() })
	for _, last = range o.All() {
	}
	if !errors.Is(last, conn.ErrClosed) && !errors.Is(last, conn.ErrNotOpen) {
		t.Errorf("with its connection it ended with %v", last)
	}
}

func TestObserverGoesOnThroughTheLossOfEachMember(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := election.New(c.Name()).WithName("e").WithTimeout(30 * time.Second)
	granted, err := lease.Grant(t.Context(), lease.New(c.Name()), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	won, err := election.Campaign(t.Context(), request.WithLease(granted.GetID()).WithValue("0"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := election.Observe(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	leader := election.New(c.Name()).WithLeader(won.GetLeader())
	want, got := []string{"0"}, observed(t, o, 1)
	for i := range 3 {
		cluster.Member(i).Kill()
		for n := range 5 {
			value := fmt.Sprint(i, ".", n)
			want = append(want, value)
			for began := time.Now(); ; {
				_, err := election.Proclaim(t.Context(), leader.WithValue(value))
				if err == nil {
					break
				}
				if time.Since(began) > 30*time.Second {
					t.Fatal(err)
				}
			}
		}
		cluster.Member(i).Restart()
	}
	for len(got) < len(want) || got[len(got)-1] != want[len(want)-1] {
		// What had to be proclaimed twice, as its outcome was unknown, is observed twice.
		got = slices.Compact(append(got, observed(t, o, 1)...))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestStatusOfAnObserverSaysWhetherItsNewestResponseMayBeOld cuts the observer off and lets it back.
func TestStatusOfAnObserverSaysWhetherItsNewestResponseMayBeOld(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithProxy())
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o, err := election.Observe(t.Context(), election.New(c.Name()).WithName("n"))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	await := func(inStep bool) election.Status {
		for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
			if s := o.Status(); s.InStep == inStep && (inStep || s.Err != nil) {
				return s
			}
			if time.Since(began) > 20*time.Second {
				t.Fatalf("it stands at %+v", o.Status())
			}
		}
	}
	if s := o.Status(); s.InStep {
		t.Errorf("before its first loop it stands at %+v", s)
	}
	var loop sync.WaitGroup
	defer loop.Wait()
	defer o.Close()
	loop.Go(func() {
		for range o.All() { // until Close
		}
	})
	first := await(true)
	cluster.Member(0).Cut()
	behind := await(false)
	cluster.Member(0).Heal()
	if again := await(true); again.Err != nil || !behind.Since.After(first.Since) || !again.Since.After(behind.Since) {
		t.Errorf("it stood at %+v, %+v and %+v", first, behind, again)
	}
}

// TestObserverTellsTheLeaderOfTheOlderHistoryAfterTheStoreHasGoneBack restores a copy in which somebody else leads.
func TestObserverTellsTheLeaderOfTheOlderHistoryAfterTheStoreHasGoneBack(t *testing.T) {
	t.Parallel()
	for name, writes := range map[string]int{"restored": 0, "restored, and past the revision again": 50} {
		t.Run(name, func(t *testing.T) {
			cluster := etcdtest.Start(t)
			to, err := conn.Open(t.Context(), t.Name(), cluster.Endpoints())
			if err != nil {
				t.Fatal(err)
			}
			defer to.Close()
			put := func(key, value string) {
				t.Helper()
				if _, err := kv.Put(t.Context(), kv.New(t.Name()).WithKey(key).WithValue(value).WithTimeout(20*time.Second)); err != nil {
					t.Fatal(err)
				}
			}
			put("name/1", "a")
			copied := cluster.SaveData()
			o, err := election.Observe(t.Context(), election.New(t.Name()).WithName("name"))
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			got := observed(t, o, 1)
			put("name/1", "a2")
			put("name/2", "b")
			if _, err := kv.Delete(t.Context(), kv.New(t.Name()).WithKey("name/1")); err != nil {
				t.Fatal(err)
			}
			got = append(got, observed(t, o, 2)...)

			cluster.RestoreData(copied)
			for i := range writes {
				put("other", fmt.Sprint(i))
			}
			got = append(got, observed(t, o, 1)...) // without a write to the election in the new history
			put("name/1", "a3")
			got = append(got, observed(t, o, 1)...)
			if want := []string{"a", "a2", "b", "a", "a3"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
