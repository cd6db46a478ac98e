// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/maintenance"
)

// mustServe fails unless a connection serves exactly what needs no leader.
func mustServe(t *testing.T, c *conn.Conn, left *etcdtest.Member) {
	t.Helper()
	key := kv.New(c.Name()).WithKey("k")
	if r, err := kv.Get(t.Context(), key.WithSerializable()); err != nil || len(r.GetKvs()) != 1 {
		t.Errorf("a serializable read: %v, %v", r, err)
	}
	get := &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{Key: []byte("k"), Serializable: true}}}
	if r, err := pb.NewKVClient(c).Txn(t.Context(), &pb.TxnRequest{Success: []*pb.RequestOp{get}}); err != nil || len(r.GetResponses()) != 1 {
		t.Errorf("a transaction of serializable reads: %v, %v", r, err)
	}
	if r, err := cluster.MemberList(t.Context(), cluster.New(c.Name()).WithSerializable()); err != nil || len(r.GetMembers()) != 3 {
		t.Errorf("a serializable member list: %v, %v", r, err)
	}
	if s, err := maintenance.Status(t.Context(), maintenance.New(c.Name()).WithEndpoint(left.Endpoint())); err != nil || s.GetHeader().GetMemberId() != left.ID() {
		t.Errorf("status: %v, %v", s, err)
	}
	for _, here := range []ctx.Ctx{maintenance.New(c.Name()), maintenance.New(c.Name()).WithEndpoint(left.Endpoint())} {
		s, err := maintenance.Snapshot(t.Context(), here)
		if err != nil {
			t.Errorf("snapshot: %v", err)
			continue
		}
		if n, err := io.Copy(io.Discard, s); err != nil || n == 0 {
			t.Errorf("snapshot: %d bytes, %v", n, err)
		}
		s.Close()
	}
	if strings.HasPrefix(left.Version(), "v3.7.") {
		parts := 0
		s, err := pb.NewKVClient(c).RangeStream(t.Context(), &pb.RangeRequest{Key: []byte("k"), Serializable: true}, conn.WithoutLeader())
		for err == nil {
			if _, err = s.Recv(); err == nil {
				parts++
			}
		}
		if err != io.EOF || parts == 0 {
			t.Errorf("a serializable stream: %d parts, %v", parts, err)
		}
	}
	for what, call := range map[string]func() error{
		"a stream that does not say that it needs none": func() error {
			_, err := pb.NewKVClient(c).RangeStream(t.Context(), &pb.RangeRequest{Key: []byte("k"), Serializable: true})
			return err
		},
		"a linearizable read": func() error { _, err := kv.Get(t.Context(), key); return err },
		"a write":             func() error { _, err := kv.Put(t.Context(), key.WithValue("w")); return err },
		"a write there": func() error {
			_, err := kv.Put(t.Context(), key.WithValue("w").WithEndpoint(left.Endpoint()))
			return err
		},
	} {
		if err := call(); !errors.Is(err, conn.ErrUnavailable) || !errors.Is(err, etcderr.ErrNoLeader) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestClusterWithoutAMajorityServesWhatNeedsNoLeader(t *testing.T) {
	started := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	old := open(t, "", started.Endpoints(), conn.WithPatience(0))
	if _, err := put(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	left := started.Member(0)
	started.Member(1).Kill()
	started.Member(2).Kill()
	var c *conn.Conn
	waitFor(t, func() bool { // until the member knows of its loss
		var err error
		if c, err = conn.Open(t.Context(), "", started.Endpoints(), conn.WithPatience(0)); err != nil {
			t.Fatalf("a new connection: %v", err)
		}
		for _, e := range c.Info() {
			if e.State == conn.Active {
				_ = c.Close()
				return false
			}
		}
		return true
	})
	defer c.Close()
	mustServe(t, c, left)
	left.Cut()
	left.Heal()
	waitFor(t, func() bool {
		_, err := kv.Get(t.Context(), kv.New(old.Name()).WithKey("k").WithSerializable())
		return err == nil && states(old)[left.Endpoint()] == conn.Frozen
	})
	mustServe(t, old, left)
}

func TestRequestThatNeedsNoLeaderDoesNotWaitForOne(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		synctest.Test(t, func(t *testing.T) {
			a, b := newMember(t, "a"), newMember(t, "b")
			a.Leader.Store(0)
			b.Stop()
			c := openFake(t, []*member{a, b}, conn.WithMode(mode))
			for _, opts := range [][]grpc.CallOption{nil, {conn.OnEndpoint("a:1")}} {
				start := time.Now()
				_, err := getHere(t.Context(), c, opts...)
				if took := time.Since(start); err != nil || took != 0 {
					t.Errorf("%v: a serializable read took %v: %v", mode, took, err)
				}
			}
			// Requests that need a leader wait for it.
			time.AfterFunc(2*time.Second, func() { a.Leader.Store(1) })
			eachOf(t.Context(), c, func(kind string, err error, took time.Duration) {
				if err != nil || took < 2*time.Second {
					t.Errorf("%v: a %s took %v: %v", mode, kind, took, err)
				}
			})
		})
	}
}

func TestMemberOutsideTheEndpointsAnswersForItself(t *testing.T) {
	started := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, "", started.Endpoints()[:1])
	random := open(t, "", started.Endpoints(), conn.WithMode(conn.Random))
	for _, c := range []*conn.Conn{c, random} {
		for _, m := range started.Members() {
			there := maintenance.New(c.Name()).WithEndpoint(m.Endpoint())
			if s, err := maintenance.Status(t.Context(), there); err != nil || s.GetHeader().GetMemberId() != m.ID() {
				t.Errorf("status of %s: %v, %v", m.Name(), s, err)
			}
			s, err := maintenance.Snapshot(t.Context(), there)
			if err != nil {
				t.Errorf("snapshot of %s: %v", m.Name(), err)
				continue
			}
			if n, err := io.Copy(io.Discard, s); err != nil || n == 0 {
				t.Errorf("snapshot of %s: %d bytes, %v", m.Name(), n, err)
			}
			s.Close()
		}
	}
	if _, err := get(t.Context(), c, conn.OnEndpoint(started.Member(1).Endpoint())); !errors.Is(err, conn.ErrEndpoint) {
		t.Errorf("a read: %v", err)
	}
	for _, bad := range []string{"", "nowhere", "https://" + started.Member(1).Endpoint()} {
		if _, err := pb.NewMaintenanceClient(c).Status(t.Context(), &pb.StatusRequest{}, conn.OnEndpoint(bad)); !errors.Is(err, conn.ErrEndpoint) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	down := started.Member(2)
	down.Kill()
	_, err := pb.NewMaintenanceClient(c).Status(t.Context(), &pb.StatusRequest{}, conn.OnEndpoint(down.Endpoint()), conn.Within(time.Minute))
	if etcderr.OutcomeOf(err) != etcderr.NotSent || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a member that is down: %v", err)
	}
	if n := len(c.Info()); n != 1 {
		t.Errorf("%d endpoints", n)
	}
}

func TestUnreachableMemberOutsideTheEndpointsFailsAtOnce(t *testing.T) {
	c := open(t, "", etcdtest.Start(t).Endpoints())
	there := maintenance.New(c.Name()).WithEndpoint("127.0.0.1:1").WithTimeout(time.Minute)
	start := time.Now()
	_, status := maintenance.Status(t.Context(), there)
	_, snapshot := maintenance.Snapshot(t.Context(), there)
	for what, err := range map[string]error{"Status": status, "Snapshot": snapshot} {
		if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "connection refused") ||
			etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s: %v", what, err)
		}
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("told after %v", took)
	}
}
