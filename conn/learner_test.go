// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"errors"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/maintenance"
	"github.com/eetcd-go/eetcd/watch"
)

func TestLearnerGetsOnlyPinnedCallsUntilItVotes(t *testing.T) {
	started := etcdtest.Start(t)
	learner := started.NewMember()
	voters := open(t, "", started.Endpoints()[:1])
	added, err := cluster.MemberAddAsLearner(t.Context(), cluster.New(voters.Name()), learner.PeerURL())
	if err != nil {
		t.Fatal(err)
	}
	learner.Join()
	c := open(t, "", []string{started.Member(0).Endpoint(), learner.Endpoint()}, conn.WithLazy())
	if err := c.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	base := kv.New(c.Name()).WithKey("k")
	toLearner := base.WithEndpoint(learner.Endpoint())
	state := func() conn.Endpoint {
		for _, e := range c.Info() {
			if e.Address == learner.Endpoint() {
				return e
			}
		}
		return conn.Endpoint{}
	}
	for began := time.Now(); !errors.Is(state().Err, etcderr.ErrNotSupportedForLearner); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the endpoint of the learner is %+v", state())
		}
	}
	for range 10 { // none of them goes to the learner, which would refuse it
		if _, err := kv.Put(t.Context(), base.WithValue("v")); err != nil {
			t.Fatal(err)
		}
	}
	if e := state(); !e.Learner || e.Leader || "v"+e.Version != learner.Version() {
		t.Errorf("the endpoint of a learner: %+v, want that and the version %s", e, learner.Version())
	}
	status, err := maintenance.Status(t.Context(), maintenance.New(c.Name()).WithEndpoint(learner.Endpoint()))
	if err != nil || !status.GetIsLearner() || status.GetHeader().GetMemberId() != added.GetMember().GetID() {
		t.Errorf("status of the learner: %v, %v", status, err)
	}
	if _, err := kv.Get(t.Context(), toLearner.WithSerializable()); err != nil {
		t.Errorf("a serializable read of the learner: %v", err)
	}

	granted, err := lease.Grant(t.Context(), lease.New(c.Name()), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"get":   func() error { _, err := kv.Get(t.Context(), toLearner); return err },
		"put":   func() error { _, err := kv.Put(t.Context(), toLearner.WithValue("v")); return err },
		"watch": func() error { _, err := watch.Watch(t.Context(), toLearner); return err },
		"keep alive": func() error {
			_, err := lease.KeepAlive(t.Context(), lease.New(c.Name()).WithEndpoint(learner.Endpoint()), granted.GetID())
			return err
		},
	} {
		began := time.Now()
		err := call()
		if !errors.Is(err, etcderr.ErrNotSupportedForLearner) || etcderr.OutcomeOf(err) != etcderr.Rejected {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: refused after %v", name, took)
		}
	}

	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		_, err := cluster.MemberPromote(t.Context(), cluster.New(voters.Name()), added.GetMember().GetID())
		if err == nil {
			break
		}
		if !errors.Is(err, etcderr.ErrMemberLearnerNotReady) || time.Since(began) > 20*time.Second {
			t.Fatal(err)
		}
	}
	for began := time.Now(); state().State != conn.Active; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 30*time.Second { // the longest pause between two attempts
			t.Fatalf("the endpoint of the new voter is %+v", state())
		}
	}
	if _, err := kv.Put(t.Context(), toLearner.WithValue("v")); err != nil {
		t.Errorf("a put to the new voter: %v", err)
	}
}
