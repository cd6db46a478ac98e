// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
)

// sharer holds a lock beside others, until it leaves.
type sharer struct {
	turn  chan struct{}
	leave chan struct{}
	ended chan error
}

// share calls take for the queue of the tests, and waits until its key is the nth.
func share(t *testing.T, c ctx.Ctx, n int, take func(f func(context.Context, lock.Held) error) error) *sharer {
	t.Helper()
	s := &sharer{make(chan struct{}), make(chan struct{}), make(chan error, 1)}
	go func() {
		s.ended <- take(func(held context.Context, _ lock.Held) error {
			close(s.turn)
			select {
			case <-s.leave:
				return held.Err()
			case <-held.Done():
				return context.Cause(held)
			}
		})
	}()
	awaitKeys(t, c, queue, n)
	return s
}

// holds waits until the turn has come.
func (s *sharer) holds(t *testing.T) {
	t.Helper()
	select {
	case <-s.turn:
	case err := <-s.ended:
		t.Fatalf("it has ended without a turn: %v", err)
	case <-time.After(patience):
		t.Fatal("its turn does not come")
	}
}

func (s *sharer) gone(t *testing.T) {
	t.Helper()
	close(s.leave)
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}

// sharers is how many hold a lock together.
const sharers = 3

// waitForAll lets the youngest of several holders leave first. Clients that know no kinds wait behind them, and find their own
// key the oldest when their turn comes. So does everybody else, except for the first waiter if it may hold beside them.
func (n neighbours) waitForAll(t *testing.T, kind string, take func(f func(context.Context, lock.Held) error) error) {
	from := revision(t, n.c)
	var ahead []*sharer
	for i := range sharers {
		ahead = append(ahead, share(t, n.c, i+1, take))
		ahead[i].holds(t)
	}
	var waiters sync.WaitGroup
	behind := slices.DeleteFunc(slices.Clone(all), func(w neighbour) bool { return w.name == kind })
	places := make([]string, len(behind))
	complete := make(chan struct{}) // places
	for i, w := range behind {
		waiters.Go(func() {
			oldest, err := w.holds(t, n)
			<-complete
			if err != nil || oldest != places[i] {
				t.Errorf("%s holds, and the oldest key is %q, not its own: %v", w.name, oldest, err)
			}
		})
		awaitKeys(t, n.c, queue, sharers+i+1)
		places[i] = string(keysBelow(t, n.c, queue)[sharers+i].GetKey())
	}
	close(complete)
	last := share(t, n.c, sharers+len(behind)+1, take)
	for _, s := range slices.Backward(ahead) {
		select {
		case <-last.turn:
			t.Error("the last one has its turn beside the first ones")
		default:
		}
		s.gone(t)
	}
	waiters.Wait()
	last.holds(t)
	if left := left(t, n.c, from); !slices.Equal(left[sharers:], places) {
		t.Errorf("they came as\n%v\nand left as\n%v", places, left)
	}
	last.gone(t)
	awaitKeys(t, n.c, queue, 0)
}

// olderThan returns how many keys of the queue are older than that of a holder.
func olderThan(t *testing.T, c ctx.Ctx, l lock.Held) int {
	t.Helper()
	return slices.IndexFunc(keysBelow(t, c, queue), func(pair *mvccpb.KeyValue) bool { return string(pair.GetKey()) == l.Key })
}

// TestWaiterForAPermitCountsWhatACompactionHasHidden cuts a waiter off while holders leave and the history of that is compacted.
func TestWaiterForAPermitCountsWhatACompactionHasHidden(t *testing.T) {
	const permits = 2
	for name, healsFirst := range map[string]bool{"the last one leaves before": false, "the last one leaves after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
			near, far := open(t, cluster, 1, 2), open(t, cluster, 0)
			take := func(c ctx.Ctx) func(f func(context.Context, lock.Held) error) error {
				return func(f func(context.Context, lock.Held) error) error {
					return lock.Semaphore(t.Context(), c.WithName(queue), permits, longTTL, func(held context.Context, l lock.Held) error {
						if n := olderThan(t, near, l); n < 0 || n >= permits {
							t.Errorf("%d keys are older than a holder's", n)
						}
						return f(held, l)
					})
				}
			}
			var ahead []*sharer
			for i := range 3 {
				ahead = append(ahead, share(t, near, i+1, take(near)))
			}
			ahead[0].holds(t)
			ahead[1].holds(t)
			last := share(t, near, 4, take(far)) // two of three have to go
			cluster.Member(0).Cut()
			ahead[1].gone(t)
			ahead[2].holds(t)
			if !healsFirst {
				ahead[0].gone(t)
			}
			awaitKeys(t, near, queue, map[bool]int{false: 2, true: 3}[healsFirst])
			// The deletions are before the compacted revision. Etcd 3.4 loses a deletion at that revision without a sign.
			later, err := kv.Put(t.Context(), near.WithKey("k"))
			if err == nil {
				_, err = kv.Compact(t.Context(), near.WithRev(later.GetHeader().GetRevision()).WithPhysical())
			}
			if err != nil {
				t.Fatal(err)
			}
			cluster.Member(0).Heal()
			if healsFirst {
				ahead[0].gone(t)
			}
			last.holds(t)
			last.gone(t)
			ahead[2].gone(t)
			awaitKeys(t, near, queue, 0)
		})
	}
}

// TestReleaseCausesRequestsOfTheNextHolderOnly counts the transactions of callers at the server: one joins the queue, one looks
// when the turn may have come, and one deletes the key in the end. A holder that leaves causes no request of a caller that has to
// wait on.
func TestReleaseCausesRequestsOfTheNextHolderOnly(t *testing.T) {
	const callers = 20
	cluster := etcdtest.Start(t)
	base := open(t, cluster)
	c := base.WithName(queue)
	do := func(f func(context.Context, lock.Held) error) error { return lock.Do(t.Context(), c, longTTL, f) }
	for name, take := range map[string]func(f func(context.Context, lock.Held) error) error{
		"writers": do,
		"readers": func(f func(context.Context, lock.Held) error) error { return lock.Shared(t.Context(), c, longTTL, f) },
		"permits": func(f func(context.Context, lock.Held) error) error {
			return lock.Semaphore(t.Context(), c, 3, longTTL, f)
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := transactions(t, cluster.Member(0))
			holder := share(t, base, 1, do)
			var waiters []*sharer
			for i := range callers {
				waiters = append(waiters, share(t, base, i+2, take))
			}
			holder.gone(t)
			for _, w := range waiters {
				w.holds(t)
				w.gone(t)
			}
			made := transactions(t, cluster.Member(0)) - before
			t.Logf("%d transactions of %d waiters", made, callers)
			// The holder need not look. A busy machine may repeat a few.
			if want := 2 + 3*callers; made < want || made > want+callers/2 {
				t.Errorf("%d transactions of %d waiters, want %d", made, callers, want)
			}
		})
	}
}

// transactions returns how many transactions a member has been asked for.
func transactions(t *testing.T, m *etcdtest.Member) int {
	t.Helper()
	response, err := http.Get("http://" + m.Endpoint() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if strings.HasPrefix(name, "grpc_server_started_total") && strings.Contains(name, `grpc_method="Txn"`) {
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatalf("%s: %v", lines.Text(), err)
			}
			return n
		}
	}
	t.Fatal("the member does not count transactions")
	return 0
}
