// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/soak"
)

const (
	historyLength = 10 * time.Second
	quiet         = 700 * time.Millisecond // between two faults
	resumed       = 5 * time.Second        // after a fault: a write's default deadline, on a member that is silent
)

// lasting returns a random duration of a fault. Some faults are over before the silent member is frozen.
func lasting(pick *rand.Rand) time.Duration {
	return time.Second + time.Duration(pick.Int64N(int64(1200*time.Millisecond)))
}

// TestHistoryUnderFaultsIsLinearizable has many clients read and write the same keys while the members are lost in
// turn. Then it compares each response with what a single copy of the keys could have returned, and with the cluster's
// own history.
func TestHistoryUnderFaultsIsLinearizable(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c := open(t, cluster.Endpoints())
	kinds := []fault{kill, pause, cut, blackhole, partition, cutOthers}
	history := makeHistory(t, cluster, c, kinds, 0)
	// The checks of an outcome prove something only if there are writes with that outcome. A write that cannot be sent
	// waits, because these outages are shorter than the connection's patience.
	for _, want := range []etcderr.Outcome{etcderr.None, etcderr.Rejected, etcderr.Unknown} {
		if !slices.ContainsFunc(history, func(o operation) bool { return o.kind != get && o.outcome() == want }) {
			t.Errorf("no write had the outcome %v", want)
		}
	}
	mustHaveHappened(t, c, history)
}

// TestHistoryThroughAGRPCProxyIsLinearizable does the same through etcd's own proxy, which may be lost too.
func TestHistoryThroughAGRPCProxyIsLinearizable(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	proxy := cluster.GRPCProxy()
	kinds := []fault{kill, pause, cut, partition}
	for name, way := range map[string]struct{ strike, heal func() }{
		"kill the proxy instead of":    {proxy.Kill, proxy.Restart},
		"pause the proxy instead of":   {proxy.Pause, proxy.Resume},
		"cut off the proxy instead of": {proxy.Cut, proxy.Heal},
		"swallow the proxy instead of": {proxy.Blackhole, proxy.Heal},
	} {
		kinds = append(kinds, fault{name,
			func(*etcdtest.Cluster, *etcdtest.Member) { way.strike() },
			func(*etcdtest.Cluster, *etcdtest.Member) { way.heal() },
		})
	}
	history := makeHistory(t, cluster, open(t, []string{proxy.Endpoint()}), kinds, 0)
	if !proxy.Alive() {
		t.Error("the proxy has ended by itself")
	}
	mustHaveHappened(t, open(t, cluster.Endpoints()), history)
}

// TestHistoryWithReadsThatTravelTogetherIsLinearizable has 64 readers more, who all read at the same time.
func TestHistoryWithReadsThatTravelTogetherIsLinearizable(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c := open(t, cluster.Endpoints())
	history := makeHistory(t, cluster, c, []fault{kill, pause, cut, blackhole, partition}, readerCount)
	mustHaveTravelledTogether(t, cluster, history)
	mustNotGoBack(t, history)
	// So many operations at a time would take porcupine forever. It gets a few of the readers.
	mustHaveHappened(t, c, slices.DeleteFunc(history, func(o operation) bool { return o.client >= workerCount+4 }))
}

// makeHistory runs workers, and readers beside them, while faults hit, each kind at least once.
func makeHistory(t *testing.T, cluster *etcdtest.Cluster, c *conn.Conn, kinds []fault, readers int) []operation {
	t.Helper()
	pick := newRand(t)
	w := startWorkers(c, pick, readers)
	defer w.stop()
	end := time.Now().Add(soak.Length(t, historyLength))
	for n := 0; n < len(kinds) || time.Now().Before(end); n++ {
		if n%len(kinds) == 0 {
			pick.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		}
		endure(t, cluster, w, kinds[n%len(kinds)], pick)
	}
	awaitAllActive(t, c)
	history := w.stop()
	t.Log(tally(history))
	return history
}

// mustHaveHappened compares a history with the cluster's own, over a connection to its members.
func mustHaveHappened(t *testing.T, c *conn.Conn, history []operation) {
	t.Helper()
	for _, o := range history {
		if o.kind != get && errors.Is(o.err, conn.ErrUnavailable) && o.outcome() != etcderr.NotSent {
			t.Errorf("%v: met no endpoint to be sent to", o)
		}
	}
	r := recordOf(t, c)
	faults := r.audit(history)
	for _, f := range faults[:min(len(faults), 20)] {
		t.Error(f)
	}
	if len(faults) > 20 {
		t.Errorf("and %d more", len(faults)-20)
	}
	mustBeLinearizable(t, r.effects(history))
}

// cutOthers leaves clients a single member. That member still has its quorum.
var cutOthers = fault{
	"cut all but",
	func(c *etcdtest.Cluster, m *etcdtest.Member) { others(c, m, (*etcdtest.Member).Cut) },
	func(c *etcdtest.Cluster, m *etcdtest.Member) { others(c, m, (*etcdtest.Member).Heal) },
}

func others(c *etcdtest.Cluster, m *etcdtest.Member, do func(*etcdtest.Member)) {
	for _, other := range c.Members() {
		if other != m {
			do(other)
		}
	}
}

// endure applies and heals one fault. A history without answers would be linearizable too. So reads and writes that
// begin after the fault must succeed, at the latest a while after the healing.
func endure(t *testing.T, cluster *etcdtest.Cluster, w *workers, f fault, pick *rand.Rand) {
	t.Helper()
	who := []role{leader, follower}[pick.IntN(2)]
	victim := memberOf(t, cluster, who, pick)
	from := w.now()
	f.strike(cluster, victim)
	time.Sleep(lasting(pick))
	f.heal(cluster, victim)
	time.Sleep(quiet)
	succeeded := func(k kind) bool {
		return slices.ContainsFunc(w.since(from), func(o operation) bool { return o.kind == k && o.err == nil })
	}
	ok := until(resumed, func() bool { return succeeded(get) && succeeded(put) })

	what := fmt.Sprintf("%s the %s %s from %v to %v", f.name, who, victim.Name(),
		from.Round(time.Millisecond), w.now().Round(time.Millisecond))
	t.Logf("%s: %s", what, tally(w.since(from)))
	if !ok {
		t.Errorf("%s: no read, or no write, succeeded", what)
	}
}
