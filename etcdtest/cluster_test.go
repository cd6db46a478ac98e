// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStartOfOneMemberIsFast(t *testing.T) {
	if _, err := Binary(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	c := Start(t)
	took := time.Since(begin)
	t.Logf("Start took %v", took)
	if took > 10*time.Second {
		t.Errorf("Start took %v", took)
	}
	m := c.Member(0)
	if c.Leader() != m || m.ID() == 0 || c.Size() != 1 || !slices.Equal(c.Endpoints(), []string{m.Endpoint()}) {
		t.Errorf("leader %v, ID %x, size %d, endpoints %q", c.Leader(), m.ID(), c.Size(), c.Endpoints())
	}
	// The first request of all must not need a second try.
	if err := clientOf(c, m).put(5*time.Second, "k", "v"); err != nil {
		t.Errorf("first put: %v", err)
	}
	var says struct{ Version string }
	if err := clientOf(c, m).call(5*time.Second, "/v3/maintenance/status", struct{}{}, &says); err != nil ||
		"v"+says.Version != m.Version() {
		t.Errorf("the member says it is %s, %v; the package %s", says.Version, err, m.Version())
	}
}

func TestClusterDescribesItsMembersAsTheMemberListDoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		opts []Option
	}{
		{"plaintext", nil},
		{"tls", []Option{WithTLS()}},
		{"proxy", []Option{WithProxy()}},
		{"tls and proxy", []Option{WithTLS(), WithProxy()}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Start(t, append(tc.opts, WithSize(3))...)
			var list struct {
				Members []struct {
					ID         uint64 `json:",string"`
					Name       string
					ClientURLs []string
					PeerURLs   []string
				}
			}
			m := c.Member(0)
			if err := clientOf(c, m).call(5*time.Second, "/v3/cluster/member/list", struct{}{}, &list); err != nil {
				t.Fatal(err)
			}
			if len(list.Members) != 3 {
				t.Fatalf("%d members", len(list.Members))
			}
			for _, listed := range list.Members {
				i := slices.IndexFunc(c.Members(), func(m *Member) bool { return m.Name() == listed.Name })
				if i < 0 {
					t.Fatalf("unknown member %q", listed.Name)
				}
				m := c.Member(i)
				client := m.Endpoint()
				if c.TLSConfig() == nil {
					client = "http://" + client
				}
				if listed.ID != m.ID() || !slices.Equal(listed.ClientURLs, []string{client}) ||
					!slices.Equal(listed.PeerURLs, []string{m.PeerURL()}) {
					t.Errorf("%s is listed as %+v, want ID %d, client %s, peer %s",
						m.Name(), listed, m.ID(), client, m.PeerURL())
				}
			}
		})
	}
}

func TestKilledMemberKeepsDataAndIdentityOverRestart(t *testing.T) {
	t.Parallel()
	for _, end := range []struct {
		name string
		of   func(*Member)
	}{
		{"kill", (*Member).Kill},
		{"stop", (*Member).Stop},
		{"restart while it runs", func(*Member) {}},
	} {
		t.Run(end.name, func(t *testing.T) {
			c := Start(t)
			m := c.Member(0)
			id, endpoint := m.ID(), m.Endpoint()
			mustPut(t, clientOf(c, m), "k", "v")
			// A single member before etcd 3.4.21 acknowledges a write before it is on the disk, but not the next one
			// before the last one is.
			mustPut(t, clientOf(c, m), "next", "v")
			end.of(m)
			m.Restart()
			mustGet(t, clientOf(c, m), "k", "v")
			if m.ID() != id || m.Endpoint() != endpoint {
				t.Errorf("ID %x, endpoint %s; were %x, %s", m.ID(), m.Endpoint(), id, endpoint)
			}
		})
	}
}

func TestDeadMemberRefusesAndTheOthersElectALeader(t *testing.T) {
	t.Parallel()
	c := Start(t, WithSize(3))
	dead := mustLeader(t, c)
	dead.Kill()
	if err := clientOf(c, dead).put(time.Second, "k", "v"); err == nil {
		t.Error("a killed member took a put")
	}
	next := mustLeader(t, c)
	if next == dead {
		t.Fatal("a killed member is still called the leader")
	}
	mustPut(t, clientOf(c, next), "k", "v")
	dead.Restart()
	mustGet(t, clientOf(c, dead), "k", "v")
}

func TestMembersReturnOneByOneAfterAllWereKilled(t *testing.T) {
	t.Parallel()
	c := Start(t, WithSize(3))
	mustPut(t, clientOf(c, c.Member(0)), "k", "v")
	for _, m := range c.Members() {
		m.Kill()
	}
	begin := time.Now()
	c.Member(0).Restart()
	if took := time.Since(begin); took > restartTimeout/2 {
		t.Errorf("Restart waited %v for a leader that could not be", took)
	}
	c.Member(1).Restart()
	c.Member(2).Restart()
	mustGet(t, clientOf(c, c.Member(0)), "k", "v")
}

func TestPausedMemberIsSilentUntilItIsResumed(t *testing.T) {
	t.Parallel()
	c := Start(t)
	m := c.Member(0)
	g := clientOf(c, m)
	mustPut(t, g, "k", "v")
	m.Pause()
	if value, err := g.get(500*time.Millisecond, "k"); err == nil {
		t.Errorf("a paused member answered %q", value)
	}
	m.Resume()
	mustGet(t, g, "k", "v")
}

func TestPausedMemberCanBeStoppedKilledAndRestarted(t *testing.T) {
	t.Parallel()
	c := Start(t)
	m := c.Member(0)
	for _, end := range []func(*Member){(*Member).Stop, (*Member).Kill, (*Member).Restart} {
		m.Pause()
		begin := time.Now()
		end(m)
		if took := time.Since(begin); took > stopGrace {
			t.Errorf("took %v", took)
		}
		m.Restart()
		mustPut(t, clientOf(c, m), "k", "v")
	}
}

func TestLeaderIsNilWithoutMajority(t *testing.T) {
	t.Parallel()
	c := Start(t, WithSize(2))
	c.Member(0).Kill()
	if m := c.Leader(); m != nil {
		t.Errorf("%s leads without a majority", m.Name())
	}
	if err := c.Err(); err != nil {
		t.Errorf("that there is no leader counts as a failure: %v", err)
	}
}

func TestFlagsOverrideThePackagesOwn(t *testing.T) {
	c := Start(t, WithFlags("--max-txn-ops=1"), WithFlags("--log-level=error"))
	put := map[string]any{"requestPut": map[string]any{"key": []byte("k"), "value": []byte("v")}}
	get := map[string]any{"requestRange": map[string]any{"key": []byte("k")}}
	txn := map[string]any{"success": []any{put, get}}
	err := clientOf(c, c.Member(0)).call(5*time.Second, "/v3/kv/txn", txn, &struct{}{})
	if err == nil || !strings.Contains(err.Error(), "too many operations") {
		t.Errorf("txn of two with --max-txn-ops=1: %v", err)
	}
	if log := c.Member(0).Log(); strings.Contains(log, `"level":"info","ts"`) {
		t.Errorf("--log-level=error did not win: %s", tail(log, 3))
	}
}

func TestBadOptionsAndFlagsAreErrors(t *testing.T) {
	for _, tc := range []struct {
		opt  Option
		want string
	}{
		{WithSize(0), "WithSize(0)"},
		{WithVersion("three"), `WithVersion("three")`},
		{WithFlags("--no-such-flag"), "no-such-flag"},
	} {
		c, err := Run(t.Context(), tc.opt)
		if err == nil {
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v does not name %s", err, tc.want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := Run(parent); err == nil {
		c.Close()
		t.Error("Run succeeded in a context that had ended")
	}
}

func TestClustersStartInParallelWithoutDisturbingEachOther(t *testing.T) {
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			c, err := Run(t.Context(), WithSize(1+i%2))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			value := fmt.Sprint(i)
			g := clientOf(c, c.Member(0))
			if err := g.put(10*time.Second, "k", value); err != nil {
				t.Error(err)
			}
			if got, err := g.get(10*time.Second, "k"); err != nil || got != value {
				t.Errorf("get = %q, %v; want %q", got, err, value)
			}
		})
	}
	all.Wait()
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	c, err := Run(t.Context(), WithSize(3), WithTLS(), WithProxy())
	if err != nil {
		t.Fatal(err)
	}
	c.NewMember() // with proxies, and never started
	c.GRPCProxy().Pause()
	silent, err := net.Dial("tcp4", strings.TrimPrefix(c.Balancer().Endpoint(), "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var processes []*process
	for _, s := range c.servers() {
		processes = append(processes, s.proc)
	}
	c.Member(0).Pause()
	c.Member(1).Blackhole()
	c.Member(2).Delay(time.Minute)
	c.Partition(c.Member(1))
	held := make(chan error, 2)
	for _, m := range c.Members()[1:] {
		go func() { held <- clientOf(c, m).put(time.Minute, "k", "v") }()
	}
	time.Sleep(100 * time.Millisecond)

	begin := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	for range cap(held) {
		if err := <-held; err == nil {
			t.Error("a call over a cluster that is closed came back without an error")
		}
	}
	for i, p := range processes {
		if !p.ended() {
			t.Errorf("process %d runs on", i)
		}
	}
	if _, err := os.Stat(c.dir); !os.IsNotExist(err) {
		t.Errorf("data directory: %v", err)
	}
	eventually(t, 5*time.Second, "goroutines", func() error {
		if n := runtime.NumGoroutine(); n > before {
			stacks := make([]byte, 1<<20)
			return fmt.Errorf("%d, were %d\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
		}
		return nil
	})
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if c.Member(0).Log() == "" {
		t.Error("the log is gone after Close")
	}
}

func TestFailuresOfRunAreKeptAndReturnedByClose(t *testing.T) {
	c, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := c.Member(0)
	m.Cut()
	if m := c.Member(1); m != nil {
		t.Errorf("Member(1) of one is %s", m.Name())
	}
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "Cut of m0") {
		t.Errorf("Err() = %v, want the first failure", err)
	}
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "WithProxy") {
		t.Errorf("Close() = %v, want the first failure", err)
	}
}

func TestFailuresOfStartMarkTheTestAndPrintTheLogs(t *testing.T) {
	fake := &fakeTB{TB: t}
	var c *Cluster
	var marked bool
	fake.run(func() {
		c = Start(fake)
		c.Member(0).Kill()
		c.Member(0).Pause()
		marked = fake.Failed()
	})
	if !marked || !strings.Contains(fake.errors[0], "Pause of m0: not running") {
		t.Errorf("errors %q", fake.errors)
	}
	if !strings.Contains(strings.Join(fake.logs, "\n"), "became leader") {
		t.Errorf("logs do not show the member's: %q", fake.logs)
	}
	reported := len(fake.errors)
	c.Member(0).Restart()
	if c.Member(0).running() != nil || len(fake.errors) != reported {
		t.Errorf("after the end of the test: running %v, errors %q", c.Member(0).running(), fake.errors)
	}
}

func TestPassedTestPrintsNoLogs(t *testing.T) {
	fake := &fakeTB{TB: t}
	fake.run(func() { Start(fake) })
	if len(fake.errors)+len(fake.logs) > 0 {
		t.Errorf("errors %q, logs %q", fake.errors, fake.logs)
	}
}
