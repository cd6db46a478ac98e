// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/soak"
	"github.com/eetcd-go/eetcd/watch"
)

const (
	calm        = 700 * time.Millisecond // between two faults
	margin      = 50                     // revisions that a compaction leaves to the slowest watch
	catchingUp  = time.Minute            // that every watch may take after the last fault
	responseMax = 2 << 20                // bytes that a member sends at once, unless one event has more
	lag         = 1000                   // revisions that a watch may start ahead of its neighbours on a stream
)

// TestWatchesDeliverExactlyTheHistoryUnderFaults lets watches of every kind follow writers at full speed while members
// are lost in turn and the history is compacted behind the watches. Then it compares what each delivered with the
// history.
func TestWatchesDeliverExactlyTheHistoryUnderFaults(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	deliverExactly(t, cluster, cluster.Endpoints(), []fault{kill, pause, cut, blackhole, partition}, true)
}

// TestWatchesThroughProxiesDeliverExactlyTheHistoryUnderFaults does the same through two of etcd's gRPC proxies, which
// are lost in turn with the members.
func TestWatchesThroughProxiesDeliverExactlyTheHistoryUnderFaults(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	proxies := []*etcdtest.GRPCProxy{cluster.GRPCProxy(), cluster.GRPCProxy()}
	kinds := []fault{kill, pause, partition}
	for _, p := range proxies {
		of := func(name string, strike, heal func()) {
			kinds = append(kinds, fault{name, ofMember(func(*etcdtest.Member) { strike() }), ofMember(func(*etcdtest.Member) { heal() }), p.Name()})
		}
		of("kill", p.Kill, p.Restart)
		of("pause", p.Pause, p.Resume)
		of("cut", p.Cut, p.Heal)
	}
	deliverExactly(t, cluster, []string{proxies[0].Endpoint(), proxies[1].Endpoint()}, kinds, false)
	for _, p := range proxies {
		if !p.Alive() {
			t.Error("a proxy has died")
		}
	}
}

// deliverExactly follows the history over the given endpoints. Members split their responses if asked to.
func deliverExactly(t *testing.T, cluster *etcdtest.Cluster, endpoints []string, kinds []fault, splits bool) {
	t.Helper()
	pick := newRand(t)
	watching, writing := open(t, endpoints), open(t, cluster.Endpoints())
	r, err := kv.Put(t.Context(), writing.WithKey("first").WithValue(""))
	if err != nil {
		t.Fatal(err)
	}
	from := r.Header.Revision + 1
	truth := newHistory(t, cluster.Endpoints(), from)

	small, large := extent{"small/", true}, extent{"large/", true}
	all := []*follower{
		{name: "all small keys", in: small, from: from, before: true, reader: byResponses},
		{name: "a folder", in: extent{"small/a/", true}, from: from, before: true, reader: byChan},
		{name: "a folder, small buffer", in: extent{"small/b/", true}, from: from, before: true, reader: byTurns,
			options: []watch.Option{watch.WithBuffer(8 << 10)}},
		{name: "large values", in: large, from: from, before: true, reader: byResponses},
		{name: "large values in parts", in: large, from: from, before: true, parts: true, reader: byResponses},
		{name: "large values in parts, no buffer", in: large, from: from, before: true, parts: true, reader: byResponses,
			options: []watch.Option{watch.WithBuffer(1)}},
		{name: "everything, no buffer", in: extent{"", true}, from: from, before: true, reader: byResponses,
			options: []watch.Option{watch.WithBuffer(1)}},
		{name: "one key", in: extent{"small/a/0", false}, from: from, before: true, reader: byResponses},
		{name: "from the near future", in: small, from: from + lag/4, reader: byResponses},
		{name: "from the future", in: small, from: from + lag + 1, reader: byResponses},
		{name: "from now on", in: small, reader: byResponses},
	}
	for _, f := range all {
		f.start(t, watching)
	}
	if r, err = kv.Put(t.Context(), writing.WithKey("small/a/0").WithValue("")); err != nil {
		t.Fatal(err)
	}
	now := r.Header.Revision // the watch from now on must have this
	w := startWriters(writing, pick)
	defer w.stop()

	compactions := 0
	end := time.Now().Add(soak.Length(t, 15*time.Second))
	limit := end.Add(catchingUp)
	for time.Now().Before(end) || compactions == 0 {
		pick.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		for _, f := range kinds {
			if !time.Now().Before(end) && compactions > 0 {
				break
			}
			slowest := slowestOf(t, all)
			if time.Now().After(limit) {
				t.Fatalf("nothing can be compacted, because %s is at revision %d, and its history begins at %d; its status is %+v, %d writes succeeded",
					slowest.name, slowest.w.Rev(), from, slowest.w.Status(), w.wrote.Load())
			}
			behind := slowest.needs() - margin
			truth.record(t, behind)
			victim := victimOf(cluster, all[0], pick)
			f.strike(cluster, victim)
			lasts := time.Second + time.Duration(pick.Int64N(int64(1500*time.Millisecond)))
			time.Sleep(lasts / 2)
			if behind > from {
				if _, err := kv.Compact(t.Context(), writing.WithRev(behind)); err == nil {
					compactions++
				}
			}
			time.Sleep(lasts / 2)
			f.heal(cluster, victim)
			time.Sleep(calm)
			t.Logf("%s of %s for %v: %d writes succeeded so far, %d did not or may not have", f.name, cmp.Or(f.proxy, victim.Name()),
				lasts.Round(time.Millisecond), w.wrote.Load(), w.failed.Load())
		}
	}
	w.stop()
	final := int64(0)
	for final < from+2*lag { // so that the future has come
		if final, err = last(t.Context(), writing); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range all {
		f.end.Store(final)
	}
	if _, err := last(t.Context(), writing); err != nil { // for those that have had the final write already
		t.Fatal(err)
	}
	late := time.After(catchingUp)
	for _, f := range all {
		select {
		case <-f.done:
		case <-late:
			_ = f.w.Close()
			<-f.done
			t.Errorf("%s: stuck after revision %d, where %d is the last", f.name, f.w.Rev(), final)
		}
	}
	truth.record(t, final)
	report(t, all, compactions)
	for _, f := range all {
		f.judge(t, truth, now, final, splits)
	}
}

// victimOf picks the member of the watch's stream two times in three.
func victimOf(cluster *etcdtest.Cluster, f *follower, pick *rand.Rand) *etcdtest.Member {
	for _, m := range cluster.Members() {
		if m.ID() == f.member.Load() && pick.IntN(2) == 0 {
			return m
		}
	}
	return cluster.Member(pick.IntN(cluster.Size()))
}

// slowestOf returns the watch that still needs the earliest revision. None may have ended.
func slowestOf(t *testing.T, all []*follower) *follower {
	t.Helper()
	for _, f := range all {
		select {
		case <-f.done:
			t.Fatalf("%s: %v", f.name, f.faults)
		default:
		}
	}
	return slices.MinFunc(all, func(a, b *follower) int { return cmp.Compare(a.needs(), b.needs()) })
}

// judge compares what a watch delivered with the history up to a revision.
func (f *follower) judge(t *testing.T, truth *history, now, final int64, splits bool) {
	t.Helper()
	got := slices.Clone(f.got)
	for len(got) > 0 && got[len(got)-1].now.mod > final {
		got = got[:len(got)-1]
	}
	from := f.from
	if from == 0 {
		from = now
		if len(got) > 0 {
			from = min(from, got[0].now.mod)
		}
	}
	for _, fault := range f.faults[:min(len(f.faults), 10)] {
		t.Errorf("%s: %s", f.name, fault)
	}
	want := truth.of(f.in, from, f.before)
	if d := difference(got, want); d != "" {
		t.Errorf("%s: %s", f.name, d)
	}
	if len(want) < 10 {
		t.Errorf("%s: a history of %d events shows little", f.name, len(want))
	}
	if splits && f.parts && f.fragments == 0 {
		t.Errorf("%s: no fragment came", f.name)
	}
	if strings.HasPrefix(f.in.key, "large/") && !f.parts && f.largest < responseMax {
		t.Errorf("%s: the largest response has %d bytes", f.name, f.largest)
	}
}

func report(t *testing.T, all []*follower, compactions int) {
	t.Helper()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "watch\tevents\tfragments\tlargest response\tmoves to another member\t")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t\n", f.name, len(f.got), f.fragments, f.largest, f.moves)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d compactions\n%s", compactions, &table)
}

// newRand returns a source of choices, and logs how to repeat them.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv("EETCD_FAULT_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("EETCD_FAULT_SEED: %v", err)
		}
	}
	t.Logf("EETCD_FAULT_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// fault is one way to lose a member or a proxy and to get it back.
type fault struct {
	name         string
	strike, heal func(*etcdtest.Cluster, *etcdtest.Member)
	proxy        string // that is lost in place of a member
}

func ofMember(do func(*etcdtest.Member)) func(*etcdtest.Cluster, *etcdtest.Member) {
	return func(_ *etcdtest.Cluster, m *etcdtest.Member) { do(m) }
}

var (
	kill      = fault{"kill", ofMember((*etcdtest.Member).Kill), ofMember((*etcdtest.Member).Restart), ""}
	pause     = fault{"pause", ofMember((*etcdtest.Member).Pause), ofMember((*etcdtest.Member).Resume), ""}
	cut       = fault{"cut", ofMember((*etcdtest.Member).Cut), ofMember((*etcdtest.Member).Heal), ""}
	blackhole = fault{"blackhole", ofMember((*etcdtest.Member).Blackhole), ofMember((*etcdtest.Member).Heal), ""}
	partition = fault{"partition", (*etcdtest.Cluster).Partition,
		func(c *etcdtest.Cluster, _ *etcdtest.Member) { c.HealPartition() }, ""}
)
