// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// admit makes the cluster of g admit a member, and returns the member's ID.
func admit(t *testing.T, g gateway, m *Member, learner bool) uint64 {
	t.Helper()
	var added struct {
		Member struct {
			ID uint64 `json:",string"`
		}
	}
	request := map[string]any{"peerURLs": []string{m.PeerURL()}, "isLearner": learner}
	// A cluster of several members must have been whole for some seconds.
	eventually(t, 20*time.Second, "member add", func() error {
		return g.call(5*time.Second, "/v3/cluster/member/add", request, &added)
	})
	return added.Member.ID
}

func promote(t *testing.T, g gateway, m *Member) {
	t.Helper()
	eventually(t, 20*time.Second, "member promote", func() error {
		return g.call(5*time.Second, "/v3/cluster/member/promote", map[string]any{"ID": fmt.Sprint(m.ID())}, &struct{}{})
	})
}

func TestAddedMemberJoins(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		opts    []Option
		learner bool
	}{
		{"learner", nil, true},
		{"voter behind proxies, with TLS", []Option{WithTLS(), WithProxy()}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Start(t, tc.opts...)
			first := clientOf(c, c.Member(0))
			mustPut(t, first, "k", "v")
			m := c.NewMember()
			if c.Size() != 1 || slices.Contains(c.Endpoints(), m.Endpoint()) {
				t.Error("a member that has not joined is counted")
			}
			id := admit(t, first, m, tc.learner)
			m.Join()
			if m.ID() != id || m.Name() != "m1" {
				t.Errorf("%s has ID %x; the cluster gave it %x", m.Name(), m.ID(), id)
			}
			if c.Size() != 2 || c.Member(1) != m || !slices.Equal(c.Endpoints(), []string{c.Member(0).Endpoint(), m.Endpoint()}) {
				t.Errorf("size %d, endpoints %q", c.Size(), c.Endpoints())
			}
			if tc.learner {
				promote(t, first, m)
			}
			mustGet(t, clientOf(c, m), "k", "v")
			m.Kill()
			m.Restart()
			if m.ID() != id {
				t.Errorf("ID %x after a restart, was %x", m.ID(), id)
			}
			mustPut(t, clientOf(c, m), "k", "w")
		})
	}
}

// A member that is sent a snapshot does not see earlier entries, among them the one with the cluster's version.
func TestMemberJoinsByASnapshot(t *testing.T) {
	t.Parallel()
	c := Start(t, WithFlags("--snapshot-count=100"))
	first := clientOf(c, c.Member(0))
	for range 150 {
		mustPut(t, first, "k", "v")
	}
	m := c.NewMember()
	admit(t, first, m, false)
	m.Join()
	mustGet(t, clientOf(c, m), "k", "v")
	if !strings.Contains(m.Log(), "applied snapshot") {
		t.Error("it was sent no snapshot")
	}
}

func TestOnlyVotersMakeAMajority(t *testing.T) {
	t.Parallel()
	// Otherwise a member can be removed only after the others have been connected for 5 s.
	c := Start(t, WithFlags("--strict-reconfig-check=false"))
	first, m := c.Member(0), c.NewMember()
	admit(t, clientOf(c, first), m, true)
	m.Join()
	m.Kill()
	if mustLeader(t, c) != first {
		t.Error("a learner leads")
	}
	begin := time.Now()
	m.Restart()
	if took := time.Since(begin); took > restartTimeout/2 {
		t.Errorf("the restart of a learner took %v", took)
	}
	promote(t, clientOf(c, first), m)
	m.Pause()
	if majority, err := first.hasMajority(t.Context()); majority || err != nil {
		t.Errorf("one of two voters is a majority: %v, %v", majority, err)
	}
	m.Resume()
	mustLeader(t, c)
	remove := map[string]any{"ID": fmt.Sprint(first.ID())}
	eventually(t, 20*time.Second, "member remove", func() error {
		return clientOf(c, m).call(5*time.Second, "/v3/cluster/member/remove", remove, &struct{}{})
	})
	eventually(t, 20*time.Second, "end of the removed member", func() error {
		if first.running() != nil {
			return errors.New("it runs")
		}
		return nil
	})
	if mustLeader(t, c) != m {
		t.Error("the member that was removed leads")
	}
	mustPut(t, clientOf(c, m), "k", "v")
}

func TestJoinOfAMemberThatIsNotAdmittedOrHasJoinedFails(t *testing.T) {
	t.Parallel()
	c, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, tc := range []struct {
		method string
		call   func()
		want   string
	}{
		{"Join, not admitted", c.NewMember().Join, "Join of m1: no member that runs lists http://127.0.0.1:"},
		{"Restart, not joined", c.NewMember().Restart, "Restart of m2: it has not joined the cluster"},
		{"Pause, not joined", c.NewMember().Pause, "Pause of m3: not running"},
		{"Join, of the first members", c.Member(0).Join, "Join of m0: it has joined already"},
	} {
		c.mu.Lock()
		c.err = nil
		c.mu.Unlock()
		tc.call()
		if err := c.Err(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.method, err)
		}
	}
	if c.Size() != 1 {
		t.Errorf("size %d after members that did not join", c.Size())
	}
	mustPut(t, clientOf(c, c.Member(0)), "k", "v")
}

func TestNewMemberOfAClosedClusterFails(t *testing.T) {
	c, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if m := c.NewMember(); m != nil || c.Err() == nil || !strings.Contains(c.Err().Error(), errClosed.Error()) {
		t.Errorf("NewMember() = %v, Err() = %v", m, c.Err())
	}
}
