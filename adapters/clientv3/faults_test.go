// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/etcdtest"
)

const (
	calm    = time.Second     // between faults, so that all workers are under way
	trouble = 4 * time.Second // how long a member is lost: longer than a call may take
	perCall = 3 * time.Second // longer than an election takes
)

// TestOneProgramSurvivesFaultsOverBothClients runs a program that locks, elects, remembers transactions, watches, keeps a lease and
// reads with 64 readers over both clients at once, while members are killed, paused and restarted.
func TestOneProgramSurvivesFaultsOverBothClients(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.WithSize(3))
	names := []string{"clientv3", "adapter"}
	var jobs []*job
	for i, cli := range []*clientv3.Client{plain(t, c.Endpoints()), adapted(t, c.Endpoints())} {
		j, err := startJob(t.Context(), cli, names[i]+"/")
		if err != nil {
			t.Fatal(err)
		}
		defer j.stop()
		jobs = append(jobs, j)
	}
	for _, strike := range []func(m *etcdtest.Member) (heal func()){
		func(m *etcdtest.Member) func() { m.Kill(); return m.Restart },
		func(m *etcdtest.Member) func() { m.Pause(); return m.Resume },
		func(m *etcdtest.Member) func() { m.Restart(); return func() {} },
	} {
		time.Sleep(calm)
		heal := strike(c.Leader())
		time.Sleep(trouble)
		heal()
	}
	time.Sleep(calm)

	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "client\treads\tfailed\tcounted by lock\tunknown\tby STM\tunknown\tby leaders\tunknown\tnot locked\tgiven up\t")
	observer := plain(t, c.Endpoints())
	for i, j := range jobs {
		j.stop()
		j.check(t, names[i], observer)
		fmt.Fprintf(w, "%s\t%d\t%d\t", names[i], j.reads.done.Load(), j.reads.unknown.Load())
		for _, count := range []*count{&j.locked, &j.remembered, &j.led} {
			fmt.Fprintf(w, "%d\t%d\t", count.done.Load(), count.unknown.Load())
		}
		fmt.Fprintf(w, "%d\t%d\t\n", j.uncertain.Load(), j.givenUp.Load())
	}
	_ = w.Flush()
	t.Logf("three members; each time the leader is lost for %v\n%s", trouble, &table)
	theirs, ours := jobs[0], jobs[1]
	// On a machine that has nothing else to do, none fails over the adapter, and each of clientv3's readers on the paused member.
	if n, bound := ours.reads.unknown.Load(), theirs.reads.unknown.Load(); n > bound {
		t.Errorf("%d reads failed over the adapter, %d over clientv3; the first: %v", n, bound, ours.first.Load())
	}
	// A worker may have one operation under way when its member is lost. It fails whatever the client. The adapter often knows that
	// it had no effect where clientv3 does not, so rounds given up count as much.
	n, bound := ours.unknown()+ours.givenUp.Load(), theirs.unknown()+theirs.givenUp.Load()+3*workers
	if n > bound {
		t.Errorf("%d operations failed over the adapter, want at most %d; the first: %v", n, bound, ours.first.Load())
	}
}

// check compares what the workers of a job know with what is in the store.
func (j *job) check(t *testing.T, name string, observer *clientv3.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for what, count := range map[string]*count{"lock": &j.locked, "stm": &j.remembered, "lead": &j.led} {
		answer, err := observer.Get(ctx, j.prefix+what)
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Kvs) == 0 {
			t.Errorf("%s: nothing was counted by %s", name, what)
			continue
		}
		counted, done, unknown := number(answer.Kvs[0].Value), count.done.Load(), count.unknown.Load()
		if counted < done || counted > done+unknown || done == 0 {
			t.Errorf("%s: %d counted by %s, with %d successes and %d of unknown outcome", name, counted, what, done, unknown)
		}
		if seen := j.seen(what); seen != answer.Kvs[0].Version {
			t.Errorf("%s: the watch saw %d versions of the count by %s, of %d", name, seen, what, answer.Kvs[0].Version)
		}
	}
	if j.gap != "" {
		t.Errorf("%s: the watch has a gap: %s", name, j.gap)
	}
	answer, err := observer.Get(ctx, j.prefix+"alive")
	if err != nil || len(answer.Kvs) != 1 {
		t.Errorf("%s: the lease was lost: %v", name, err)
	}
}
