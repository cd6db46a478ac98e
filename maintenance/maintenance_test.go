// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/maintenance"
)

const timeout = 10 * time.Second

func TestStatusDescribesTheNamedMember(t *testing.T) {
	leader := shared.Leader()
	for _, m := range shared.Members() {
		status, err := maintenance.Status(t.Context(), maintenance.New(registry).WithEndpoint(m.Endpoint()))
		if err != nil {
			t.Fatal(err)
		}
		if status.GetHeader().GetMemberId() != m.ID() || "v"+status.GetVersion() != m.Version() ||
			status.GetLeader() != leader.ID() || status.GetDbSize() <= 0 || len(status.GetErrors()) != 0 {
			t.Errorf("%s is %x of %s: %v", m.Name(), m.ID(), m.Version(), status)
		}
	}
}

func TestDefragmentShrinksTheDatabaseOfTheNamedMember(t *testing.T) {
	size := func(m *etcdtest.Member) int64 {
		status, err := maintenance.Status(t.Context(), maintenance.New(registry).WithEndpoint(m.Endpoint()))
		if err != nil {
			t.Fatal(err)
		}
		return status.GetDbSize()
	}
	asked, other := shared.Member(0), shared.Member(1)
	c := kv.New(registry)
	put(t, c, 8, 512<<10)
	deleted, err := kv.Delete(t.Context(), c.WithKey(t.Name()).WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Compact(t.Context(), c.WithRev(deleted.GetHeader().GetRevision()).WithPhysical().WithTimeout(timeout)); err != nil {
		t.Fatal(err)
	}
	onecluster.Eventually(t, 20*time.Second, "the member asked has what is to be given back", func() error {
		if size(asked) < 4<<20 {
			return fmt.Errorf("%d bytes", size(asked))
		}
		return nil
	})
	whole, others := size(asked), size(other)
	c = maintenance.New(registry).WithEndpoint(asked.Endpoint()).WithTimeout(timeout)
	// A member that was not asked for the compaction may carry it out a little later.
	onecluster.Eventually(t, 20*time.Second, "a smaller database", func() error {
		if _, err := maintenance.Defragment(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if after := size(asked); after > whole-3<<20 {
			return fmt.Errorf("%d bytes, were %d", after, whole)
		}
		return nil
	})
	if now := size(other); now < others {
		t.Errorf("the database of a member that was not asked has shrunk from %d to %d bytes", others, now)
	}
}

func TestCallsOnAWholeDatabaseHaveNoDefaultDeadline(t *testing.T) {
	cluster := etcdtest.Start(t)
	const short = 100 * time.Millisecond
	to, err := conn.Open(t.Context(), "", cluster.Endpoints(), conn.WithDefaultTimeout(short))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	m := cluster.Member(0)
	c := maintenance.New(to.Name()).WithEndpoint(m.Endpoint())
	for name, call := range map[string]func(maintenance.Request) error{
		"Defragment": func(c maintenance.Request) error { _, err := maintenance.Defragment(t.Context(), c); return err },
		"HashKV":     func(c maintenance.Request) error { _, err := maintenance.HashKV(t.Context(), c, 0); return err },
		"Hash":       func(c maintenance.Request) error { _, err := maintenance.Hash(t.Context(), c); return err },
	} {
		m.Pause()
		if err := call(c.WithTimeout(short)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s within %v of a member that does not answer: %v", name, short, err)
		}
		resumed := make(chan struct{})
		time.AfterFunc(5*short, func() { m.Resume(); close(resumed) })
		if err := call(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		<-resumed
	}
}

func TestHashesOfSoundMembersAreEqual(t *testing.T) {
	first := put(t, kv.New(registry), 1, 1)
	last := put(t, kv.New(registry), 3, 10)
	sums := map[int64]uint32{}
	for _, m := range shared.Members() {
		c := maintenance.New(registry).WithEndpoint(m.Endpoint())
		for _, rev := range []int64{first, last, 0} {
			var sum *pb.HashKVResponse
			onecluster.Eventually(t, 20*time.Second, "the member catches up", func() (err error) {
				sum, err = maintenance.HashKV(t.Context(), c, rev)
				if err == nil && sum.GetHeader().GetRevision() < last {
					err = etcderr.ErrFutureRev
				}
				if err != nil && !errors.Is(err, etcderr.ErrFutureRev) {
					t.Fatal(err)
				}
				return err
			})
			if sum.GetHeader().GetMemberId() != m.ID() {
				t.Errorf("%x answers for %x", sum.GetHeader().GetMemberId(), m.ID())
			}
			if before, known := sums[rev]; known && before != sum.GetHash() {
				t.Errorf("revision %d of %s sums up to %x, of another member to %x", rev, m.Name(), sum.GetHash(), before)
			}
			sums[rev] = sum.GetHash()
		}
		wantFailure(t, hashKV(last+1000)(t.Context(), c), etcderr.Rejected, etcderr.ErrFutureRev)
		if all, err := maintenance.Hash(t.Context(), c); err != nil || all.GetHash() == 0 || all.GetHeader().GetMemberId() != m.ID() {
			t.Errorf("Hash: %v, %v", all, err)
		}
	}
	if sums[first] == sums[last] || sums[last] != sums[0] {
		t.Errorf("sums by revision: %x", sums)
	}
	if _, err := kv.Compact(t.Context(), kv.New(registry).WithRev(last)); err != nil {
		t.Fatal(err)
	}
	onecluster.Eventually(t, 20*time.Second, "compaction of the member asked", func() error {
		err := hashKV(first)(t.Context(), maintenance.New(registry).WithEndpoint(shared.Endpoints()[2]))
		if err == nil {
			return errors.New("it sums up what has been compacted")
		}
		wantFailure(t, err, etcderr.Rejected, etcderr.ErrCompacted)
		return nil
	})
}

func TestMoveLeaderAsksTheLeaderOrTheNamedEndpoint(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, cluster.Endpoints()...).WithTimeout(timeout)
	others := func() (leader *etcdtest.Member, followers []*etcdtest.Member) {
		leader = cluster.Leader()
		for _, m := range cluster.Members() {
			if m != leader {
				followers = append(followers, m)
			}
		}
		return leader, followers
	}

	leader, followers := others()
	if err := moveLeader(followers[0].ID())(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if now := cluster.Leader(); now != followers[0] {
		t.Fatalf("%s leads, want %s", now.Name(), followers[0].Name())
	}
	if err := moveLeader(leader.ID())(t.Context(), c.WithEndpoint(followers[0].Endpoint())); err != nil {
		t.Fatal(err)
	}
	if now := cluster.Leader(); now != leader {
		t.Fatalf("%s leads, want %s", now.Name(), leader.Name())
	}
	if err := moveLeader(leader.ID())(t.Context(), c); err != nil {
		t.Errorf("to the leader itself: %v", err)
	}

	wantFailure(t, moveLeader(leader.ID())(t.Context(), c.WithEndpoint(followers[0].Endpoint())), etcderr.Rejected, etcderr.ErrNotLeader)
	wantFailure(t, moveLeader(0xbad)(t.Context(), c), etcderr.Rejected, etcderr.ErrBadLeaderTransferee)
	wantFailure(t, moveLeader(0)(t.Context(), c), etcderr.Rejected, etcderr.ErrBadLeaderTransferee)
	without := open(t, followers[0].Endpoint(), followers[1].Endpoint())
	wantFailure(t, moveLeader(followers[0].ID())(t.Context(), without), etcderr.NotSent, conn.ErrUnavailable)

	// MoveLeader asks a member that hangs, but does not wait for it.
	leader, followers = others()
	silent, target := followers[0], followers[1]
	silent.Pause()
	began := time.Now()
	if err := moveLeader(target.ID())(t.Context(), c); err != nil {
		t.Errorf("with a member that hangs: %v", err)
	}
	if took := time.Since(began); took > timeout/2 {
		t.Errorf("with a member that hangs: %v", took)
	}
	silent.Resume()
	if now := cluster.Leader(); now != target {
		t.Errorf("%s leads, want %s; before, %s", now.Name(), target.Name(), leader.Name())
	}
}

func TestDowngradeIsValidatedBegunAndCancelled(t *testing.T) {
	cluster := etcdtest.Start(t)
	c := open(t, cluster.Endpoints()...)
	const (
		validate = pb.DowngradeRequest_VALIDATE
		enable   = pb.DowngradeRequest_ENABLE
		cancel   = pb.DowngradeRequest_CANCEL
	)
	if isOlder("v3.5") {
		if err := downgrade(validate, "3.3")(t.Context(), c); status.Code(err) != codes.Unimplemented {
			t.Errorf("Downgrade of a server that does not know it: %v", err)
		}
		return
	}
	var major, minor int
	if _, err := fmt.Sscanf(cluster.Member(0).Version(), "v%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	version := func(below int) string { return fmt.Sprintf("%d.%d", major, minor-below) }
	for _, action := range []pb.DowngradeRequest_DowngradeAction{validate, enable} {
		for _, malformed := range []string{"", "x", "3", "3.x", "v3.6", "3.6.1.1"} {
			wantFailure(t, downgrade(action, malformed)(t.Context(), c), etcderr.Rejected, etcderr.ErrWrongDowngradeVersionFormat)
		}
		for _, far := range []string{version(0), version(2), version(-1), "2.0", "4.0"} {
			wantFailure(t, downgrade(action, far)(t.Context(), c), etcderr.Rejected, etcderr.ErrInvalidDowngradeTargetVersion)
		}
	}
	switch err := downgrade(cancel, "")(t.Context(), c); {
	case isOlder("v3.6"):
		wantFailure(t, err, etcderr.Rejected, etcderr.ErrNoInflightDowngrade)
	case err != nil:
		t.Errorf("cancel without a downgrade: %v", err)
	}
	if isOlder("v3.6") {
		return // such a server is not to be left by a downgrade
	}

	for _, same := range []string{version(1), version(1) + ".0", version(1) + ".7"} {
		if err := downgrade(validate, same)(t.Context(), c); err != nil {
			t.Errorf("validate %s: %v", same, err)
		}
	}
	underWay := func() bool {
		status, err := maintenance.Status(t.Context(), c.WithEndpoint(cluster.Endpoints()[0]))
		if err != nil {
			t.Fatal(err)
		}
		return status.GetDowngradeInfo().GetEnabled()
	}
	if underWay() {
		t.Error("a downgrade is under way before it has begun")
	}
	if err := downgrade(enable, version(1))(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if !underWay() {
		t.Error("no downgrade is under way")
	}
	for _, action := range []pb.DowngradeRequest_DowngradeAction{validate, enable} {
		err := downgrade(action, version(1))(t.Context(), c)
		if errors.Is(err, etcderr.ErrInvalidDowngradeTargetVersion) {
			err = downgrade(action, version(2))(t.Context(), c) // the cluster's version is the lower one by now
		}
		wantFailure(t, err, etcderr.Rejected, etcderr.ErrDowngradeInProcess)
	}
	if err := downgrade(cancel, "")(t.Context(), c); err != nil {
		t.Error(err)
	}
	if underWay() {
		t.Error("a downgrade is under way after it was cancelled")
	}
}
