// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
)

func TestMemberListHasIDNameAndURLs(t *testing.T) {
	self := shared.Member(0)
	for name, c := range map[string]ctx.Ctx{
		"of the cluster": cluster.New(registry),
		"of a member":    cluster.New(registry).WithSerializable().WithEndpoint(self.Endpoint()).WithTimeout(time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			list := members(t, c)
			if len(list) != 1 {
				t.Fatalf("members: %v", list)
			}
			m := list[0]
			if m.GetID() != self.ID() || m.GetName() != self.Name() || m.GetIsLearner() ||
				!slices.Equal(m.GetPeerURLs(), []string{self.PeerURL()}) ||
				!slices.Equal(m.GetClientURLs(), []string{"http://" + self.Endpoint()}) {
				t.Errorf("got %v, want %x, %s at %s and %s", m, self.ID(), self.Name(), self.PeerURL(), self.Endpoint())
			}
		})
	}
}

func TestLearnerIsAdmittedPromotedAndRemoved(t *testing.T) {
	started := etcdtest.Start(t)
	first, second := started.Member(0), started.NewMember()
	c := open(t, first.Endpoint())

	added, err := cluster.MemberAddAsLearner(t.Context(), c, second.PeerURL())
	if err != nil {
		t.Fatal(err)
	}
	id := added.GetMember().GetID()
	if !added.GetMember().GetIsLearner() || len(added.GetMembers()) != 2 || id == 0 {
		t.Errorf("added %v, members %v", added.GetMember(), added.GetMembers())
	}
	m := find(t, members(t, c), id)
	if m.GetName() != "" || len(m.GetClientURLs()) != 0 || !slices.Equal(m.GetPeerURLs(), []string{second.PeerURL()}) {
		t.Errorf("a member that has not been started is listed as %v", m)
	}
	settle(started)
	wantFailure(t, addAsLearner(elsewhere)(t.Context(), c), etcderr.Rejected, etcderr.ErrTooManyLearners)
	wantFailure(t, promote(id)(t.Context(), c), etcderr.Rejected, etcderr.ErrMemberLearnerNotReady)

	settle(started)
	wantFailure(t, update(first.ID(), second.PeerURL())(t.Context(), c), etcderr.Rejected, etcderr.ErrPeerURLExist)

	second.Join()
	if second.ID() != id {
		t.Errorf("the member has ID %x, was added with %x", second.ID(), id)
	}
	once(t, etcderr.ErrMemberLearnerNotReady, func() error {
		promoted, err := cluster.MemberPromote(t.Context(), c, id)
		if err == nil && find(t, promoted.GetMembers(), id).GetIsLearner() {
			t.Error("a learner still, after its promotion")
		}
		return err
	})
	var again error
	once(t, etcderr.ErrMemberLearnerNotReady, func() error { // which 3.4 says of a new voter for a moment
		if again = promote(id)(t.Context(), c); errors.Is(again, etcderr.ErrMemberLearnerNotReady) {
			return again
		}
		return nil
	})
	wantFailure(t, again, etcderr.Rejected, etcderr.ErrMemberNotLearner)
	if m := find(t, members(t, open(t, second.Endpoint())), id); m.GetIsLearner() || m.GetName() != second.Name() {
		t.Errorf("a voter is listed as %v", m)
	}

	// The voters must have been connected for 5 s.
	once(t, etcderr.ErrUnhealthy, func() error {
		removed, err := cluster.MemberRemove(t.Context(), c, id)
		if err == nil && len(removed.GetMembers()) != 1 {
			t.Errorf("members after the removal of one of two: %v", removed.GetMembers())
		}
		return err
	})
	settle(started)
	wantFailure(t, remove(id)(t.Context(), c), etcderr.Rejected, etcderr.ErrMemberNotFound)
	if list := members(t, c); len(list) != 1 || list[0].GetID() != first.ID() {
		t.Errorf("members %v, want %x only", list, first.ID())
	}
}

func TestUpdateReplacesAllPeerURLs(t *testing.T) {
	c := cluster.New(registry)
	self := shared.Member(0)
	for _, urls := range [][]string{{elsewhere, self.PeerURL(), "https://[::1]:2"}, {self.PeerURL()}} {
		settle(shared)
		updated, err := cluster.MemberUpdate(t.Context(), c, self.ID(), urls...)
		if err != nil {
			t.Fatal(err)
		}
		if m := find(t, updated.GetMembers(), self.ID()); !slices.Equal(m.GetPeerURLs(), urls) {
			t.Errorf("updated to %q, want %q", m.GetPeerURLs(), urls)
		}
		if m := find(t, members(t, c), self.ID()); !slices.Equal(m.GetPeerURLs(), urls) {
			t.Errorf("listed at %q, want %q", m.GetPeerURLs(), urls)
		}
	}
}

func TestVoterCountsBeforeItIsStarted(t *testing.T) {
	started := etcdtest.Start(t)
	second := started.NewMember()
	c := open(t, started.Endpoints()...)
	added, err := cluster.MemberAdd(t.Context(), c, second.PeerURL())
	if err != nil {
		t.Fatal(err)
	}
	if m := added.GetMember(); m.GetIsLearner() || len(added.GetMembers()) != 2 {
		t.Errorf("added %v, members %v", m, added.GetMembers())
	}
	put := kv.New(sealed.Ctx(c).Conn()).WithKey("k").WithValue("v")
	if _, err := kv.Put(t.Context(), put.WithTimeout(300*time.Millisecond)); err == nil {
		t.Error("one of two voters took a put")
	}
	second.Join()
	if _, err := kv.Put(t.Context(), put.WithTimeout(20*time.Second)); err != nil {
		t.Errorf("a put after the second member joined: %v", err)
	}
	if m := find(t, members(t, c), second.ID()); m.GetIsLearner() || m.GetName() != second.Name() {
		t.Errorf("the new member is listed as %v", m)
	}
}
