// SPDX-License-Identifier: Apache-2.0

// Package stm proves that software transactional memory keeps a sum of money while members are killed.
package stm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/stm"
	"github.com/eetcd-go/eetcd/test/internal/soak"
	"github.com/eetcd-go/eetcd/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	accounts = 32
	workers  = 16
	deposit  = 100
	patience = time.Minute

	root    = "bank/"
	endKey  = root + "end"
	allOver = root + "account/"
)

func account(i int) string { return fmt.Sprintf("%s%02d", allOver, i) }

// TestTransfersKeepTheSumWhileMembersAreKilled lets workers move money, at each isolation level that forbids lost
// updates in turn, and adds up all accounts at every revision.
func TestTransfersKeepTheSumWhileMembersAreKilled(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, cluster)
	opened, err := stm.Run(t.Context(), c, func(tx *stm.Tx) error {
		for i := range accounts {
			tx.Put(account(i), strconv.Itoa(deposit))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	over := make(chan struct{})
	var working sync.WaitGroup
	var transfers, conflicts, failed, unknown atomic.Int64
	for range workers {
		working.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				level := []stm.Isolation{stm.SerializableSnapshot, stm.Serializable, stm.RepeatableReads}[rand.IntN(3)]
				lost, err := transfer(t.Context(), c, level)
				conflicts.Add(int64(lost))
				switch {
				case err == nil:
					transfers.Add(1)
				case etcderr.OutcomeOf(err) == etcderr.Unknown:
					unknown.Add(1)
				default:
					failed.Add(1)
				}
			}
		})
	}
	end := time.Now().Add(soak.Length(t, 10*time.Second))
	for kills := 0; time.Now().Before(end); kills++ {
		victim := cluster.Member(rand.IntN(cluster.Size()))
		if leader := cluster.Leader(); leader != nil && kills%2 == 0 {
			victim = leader
		}
		victim.Kill()
		time.Sleep(time.Second + rand.N(time.Second))
		victim.Restart()
		time.Sleep(700 * time.Millisecond)
	}
	close(over)
	working.Wait()

	revisions := audit(t, c, opened.GetHeader().GetRevision())
	t.Logf("%d transfers, %d conflicts, %d failed and %d may have succeeded; the sum is the same at all of %d revisions",
		transfers.Load(), conflicts.Load(), failed.Load(), unknown.Load(), revisions)
	if done := transfers.Load(); done < 100 || int64(revisions) < done || int64(revisions) > done+unknown.Load()+1 {
		t.Errorf("%d transfers were acknowledged and %d may have succeeded, and there are %d revisions", done, unknown.Load(), revisions)
	}
	if conflicts.Load() == 0 {
		t.Error("nobody was in another's way, which shows little")
	}
}

// transfer moves some money between accounts, and returns how many attempts conflicted.
func transfer(parent context.Context, c ctx.Ctx, level stm.Isolation) (conflicts int, err error) {
	from := rand.IntN(accounts)
	to := (from + 1 + rand.IntN(accounts-1)) % accounts
	_, err = stm.Run(parent, c, func(tx *stm.Tx) error {
		conflicts = tx.Conflicts()
		var balance [2]int
		for i, key := range []string{account(from), account(to)} {
			value, err := tx.Get(key)
			if err != nil {
				return err
			}
			if balance[i], err = strconv.Atoi(value); err != nil {
				return err
			}
		}
		amount := 0
		if balance[0] > 0 {
			amount = 1 + rand.IntN(balance[0])
		}
		tx.Put(account(from), strconv.Itoa(balance[0]-amount))
		tx.Put(account(to), strconv.Itoa(balance[1]+amount))
		return nil
	}, stm.WithIsolation(level), stm.WithPrefetch(account(from), account(to)))
	return conflicts, err
}

// audit adds up the accounts at each revision since their opening, and counts the revisions.
func audit(t *testing.T, c ctx.Ctx, from int64) (revisions int) {
	t.Helper()
	for began := time.Now(); ; {
		_, err := kv.Put(t.Context(), c.WithKey(endKey))
		if err == nil {
			break
		}
		if time.Since(began) > patience {
			t.Fatal(err)
		}
	}
	w, err := watch.Watch(t.Context(), c.WithKey(root).WithPrefix().WithStartRevision(from))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var all []*mvccpb.Event
	for e, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if string(e.GetKv().GetKey()) == endKey {
			break
		}
		all = append(all, e)
	}
	wrong, revisions := sums(all)
	for _, w := range wrong[:min(len(wrong), 10)] {
		t.Error(w)
	}
	return revisions
}

// sums returns the revisions at which the sum is wrong.
func sums(events []*mvccpb.Event) (wrong []string, revisions int) {
	balance := map[string]int{}
	for i, e := range events {
		n, err := strconv.Atoi(string(e.GetKv().GetValue()))
		if err != nil || n < 0 {
			wrong = append(wrong, fmt.Sprintf("%s has %q", e.GetKv().GetKey(), e.GetKv().GetValue()))
		}
		balance[string(e.GetKv().GetKey())] = n
		rev := e.GetKv().GetModRevision()
		if i+1 < len(events) && events[i+1].GetKv().GetModRevision() == rev {
			continue
		}
		revisions++
		sum := 0
		for _, n := range balance {
			sum += n
		}
		if sum != accounts*deposit {
			wrong = append(wrong, fmt.Sprintf("at revision %d there are %d in all, want %d", rev, sum, accounts*deposit))
		}
	}
	return wrong, revisions
}

func TestSumCheckDetectsEachViolation(t *testing.T) {
	put := func(key, value string, rev int64) *mvccpb.Event {
		return &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), ModRevision: rev}}
	}
	all := strconv.Itoa(accounts * deposit)
	for story, c := range map[string]struct {
		events []*mvccpb.Event
		wrong  bool
	}{
		"a transfer":         {[]*mvccpb.Event{put("a", all, 1), put("b", "0", 2), put("a", "0", 3), put("b", all, 3)}, false},
		"half of a transfer": {[]*mvccpb.Event{put("a", all, 1), put("b", "5", 2)}, true},
		"a debt":             {[]*mvccpb.Event{put("a", all, 1), put("b", "-5", 2), put("a", strconv.Itoa(accounts*deposit+5), 2)}, true},
	} {
		if wrong, _ := sums(c.events); (len(wrong) > 0) != c.wrong {
			t.Errorf("%s: %q", story, wrong)
		}
	}
}

func open(t *testing.T, cluster *etcdtest.Cluster) ctx.Ctx {
	t.Helper()
	return stm.New(onecluster.Open(t, "", cluster.Endpoints()).Name())
}
