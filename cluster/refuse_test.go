// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
)

const (
	nobody    = 0xbad                // the ID of no member
	elsewhere = "http://127.0.0.1:1" // the peer URL of no member
)

// calls has the functions of the package, and the names of their requests in errors.
var calls = []struct {
	name, request string
	call          func(context.Context, ctx.Ctx) error
}{
	{"MemberList", "a member list request", list},
	{"MemberAdd", "a member add request", add(elsewhere)},
	{"MemberAddAsLearner", "a member add request", addAsLearner(elsewhere)},
	{"MemberRemove", "a member remove request", remove(nobody)},
	{"MemberUpdate", "a member update request", update(nobody, elsewhere)},
	{"MemberPromote", "a member promote request", promote(nobody)},
}

func list(parent context.Context, c ctx.Ctx) error {
	_, err := cluster.MemberList(parent, c)
	return err
}

func add(peerURLs ...string) func(context.Context, ctx.Ctx) error {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := cluster.MemberAdd(parent, c, peerURLs...)
		return err
	}
}

func addAsLearner(peerURLs ...string) func(context.Context, ctx.Ctx) error {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := cluster.MemberAddAsLearner(parent, c, peerURLs...)
		return err
	}
}

func remove(id uint64) func(context.Context, ctx.Ctx) error {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := cluster.MemberRemove(parent, c, id)
		return err
	}
}

func update(id uint64, peerURLs ...string) func(context.Context, ctx.Ctx) error {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := cluster.MemberUpdate(parent, c, id, peerURLs...)
		return err
	}
}

func promote(id uint64) func(context.Context, ctx.Ctx) error {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := cluster.MemberPromote(parent, c, id)
		return err
	}
}

func TestUnsupportedOptionsAreRefusedInOneError(t *testing.T) {
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			wantInvalid(t, tt.call(t.Context(), cluster.New(registry).WithLimit(0).WithKey("k").WithTimeout(5)),
				"ctx: WithKey does not apply to "+tt.request,
				"ctx: WithLimit does not apply to "+tt.request,
				"ctx: WithTimeout(5ns) is below 1ms in "+tt.request)
			if tt.name != "MemberList" {
				wantInvalid(t, tt.call(t.Context(), cluster.New(registry).WithSerializable()),
					"ctx: WithSerializable does not apply to "+tt.request)
			}
		})
	}
}

func TestRequestWithoutAnOpenConnectionIsNotSent(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range calls {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, tt.call(t.Context(), ctx.Ctx{}), etcderr.NotSent, conn.ErrNotOpen)
			wantFailure(t, tt.call(t.Context(), cluster.New("no-such")), etcderr.NotSent, conn.ErrNotOpen)
			wantFailure(t, tt.call(t.Context(), cluster.New(registry).WithEndpoint("127.0.0.1:1")), etcderr.NotSent, conn.ErrEndpoint)
			wantFailure(t, tt.call(ended, cluster.New(registry)), etcderr.NotSent, context.Canceled)
		})
	}
}

// Servers accept any text here, and every other member crashes on a malformed URL.
func TestUpdateToAMalformedPeerURLIsNotSent(t *testing.T) {
	c := cluster.New(registry)
	id := shared.Member(0).ID()
	wantInvalid(t, update(id)(t.Context(), c), "cluster: a member update request needs a peer URL")
	wantInvalid(t, update(id)(t.Context(), c.WithKey("k")),
		"ctx: WithKey does not apply to a member update request",
		"cluster: a member update request needs a peer URL")
	conflict := func(url string) string {
		return fmt.Sprintf("cluster: %q in a member update request is not of the form http://host:port, "+
			"https://host:port or unix://path", url)
	}
	for _, url := range badURLs {
		wantInvalid(t, update(id, url)(t.Context(), c), conflict(url))
	}
	wantInvalid(t, update(id, "x", elsewhere, "y")(t.Context(), c.WithRev(1)),
		"ctx: WithRev does not apply to a member update request", conflict("x"), conflict("y"))
	if m := find(t, members(t, c), id); len(m.GetPeerURLs()) != 1 || m.GetPeerURLs()[0] != shared.Member(0).PeerURL() {
		t.Errorf("the member is now at %q", m.GetPeerURLs())
	}
}

var badURLs = []string{
	"", "127.0.0.1:2380", "localhost", "http://127.0.0.1", "http://127.0.0.1:2380/", "http://127.0.0.1:2380/path",
	"ftp://127.0.0.1:2380", "http://[::1", "http://a b:1", "http://127.0.0.1:port",
}

func TestRefusalOfTheServerIsReturnedAsItsSentinel(t *testing.T) {
	c := cluster.New(registry)
	self := shared.Member(0)
	tests := []struct {
		name string
		call func(context.Context, ctx.Ctx) error
		want error
	}{
		{"add without a URL", add(), etcderr.ErrMemberBadURLs},
		{"add a learner without a URL", addAsLearner(), etcderr.ErrMemberBadURLs},
		{"add one bad URL of two", add(elsewhere, "x"), etcderr.ErrMemberBadURLs},
		{"add a member that is there", add(self.PeerURL()), etcderr.ErrPeerURLExist},
		{"add a learner that is there", addAsLearner(elsewhere, self.PeerURL()), etcderr.ErrPeerURLExist},
		{"remove nobody", remove(nobody), etcderr.ErrMemberNotFound},
		{"remove no ID", remove(0), etcderr.ErrMemberNotFound},
		{"remove the last member", remove(self.ID()), etcderr.ErrMemberNotEnoughStarted},
		{"update nobody", update(nobody, elsewhere), etcderr.ErrMemberNotFound},
		{"promote nobody", promote(nobody), etcderr.ErrMemberNotFound},
		{"promote a voter", promote(self.ID()), etcderr.ErrMemberNotLearner},
	}
	for _, url := range badURLs {
		tests = append(tests, struct {
			name string
			call func(context.Context, ctx.Ctx) error
			want error
		}{fmt.Sprintf("add %q", url), add(url), etcderr.ErrMemberBadURLs})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			settle(shared)
			wantFailure(t, tt.call(t.Context(), c), etcderr.Rejected, tt.want)
		})
	}
	if list := members(t, c); len(list) != 1 {
		t.Errorf("after refusals only: %v", list)
	}
}

func TestChangeThatMayCostTheQuorumIsRefused(t *testing.T) {
	three := etcdtest.Start(t, etcdtest.WithSize(3))
	leader := three.Leader()
	var others []uint64
	for _, m := range three.Members() {
		if m != leader {
			others = append(others, m.ID())
		}
	}
	c := open(t, leader.Endpoint())
	for _, m := range three.Members() {
		if m.ID() == others[0] {
			m.Kill()
		}
	}
	for name, call := range map[string]func(context.Context, ctx.Ctx) error{
		"add": add(elsewhere), "add a learner": addAsLearner(elsewhere), "remove the living": remove(others[1]),
	} {
		t.Run(name, func(t *testing.T) { wantFailure(t, call(t.Context(), c), etcderr.Rejected, etcderr.ErrUnhealthy) })
	}
	for _, m := range three.Members() {
		if m.ID() == others[1] {
			m.Kill()
		}
	}
	err := list(t.Context(), c.WithTimeout(300*time.Millisecond))
	if (err == nil) != is34(three) {
		t.Errorf("the cluster's list, without a quorum, of %s: %v", leader.Version(), err)
	}
	if list := members(t, c.WithSerializable()); len(list) != 3 {
		t.Errorf("one member's list of three: %v", list)
	}
}
