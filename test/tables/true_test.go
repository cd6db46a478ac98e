// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/test/internal/soak"
)

// copied is a table under test, and what its readers have found.
type copied struct {
	*table.Table[string]
	truth string // another connection to the same store
	histories

	looked, compared, compacted, synced atomic.Int64
	past                                atomic.Int64 // the newest revision that has been compared

	mu    sync.Mutex
	acked []ack         // of the present history
	lag   time.Duration // how much older the copy has been than its status said
}

// ack is a write that a server has acknowledged.
type ack struct {
	at           time.Time
	rev, history int64
}

func TestTableIsATrueCopyThroughEveryFault(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	c := &copied{truth: open(t, cluster.Endpoints())}
	if err := found(bounded(t), c.truth, 0); err != nil {
		t.Fatal(err)
	}
	c.Table = follow(t, open(t, cluster.Endpoints()))

	life, end := context.WithCancel(context.Background())
	var writing, running sync.WaitGroup
	defer running.Wait()
	defer writing.Wait()
	telling, stop := context.WithCancel(context.Background()) // of the reader of the changes, which reads on after life
	defer stop()
	defer end()
	for i := range writerCount {
		writing.Go(func() { write(life, c.truth, &c.histories, uint64(i)) })
	}
	for range 4 {
		running.Go(func() { c.read(t, life) })
	}
	writing.Go(func() { c.sync(t, life) })
	running.Go(func() { c.measure(life) })
	told, complete := map[string]string{}, make(chan struct{})
	running.Go(func() {
		defer close(complete)
		c.retell(t, telling, told)
	})

	for over, first := time.Now().Add(soak.Length(t, 0)), true; first || time.Now().Before(over); first = false {
		c.hurt(t, life, cluster)
	}
	end()
	writing.Wait()
	settle(t, c.truth)
	if err := again(t, func(within context.Context) error {
		_, err := kv.Put(within, kv.New(c.truth).WithKey("t/z").WithValue("last"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	<-complete
	running.Wait()
	equals(t, c.Table, c.truth)
	for _, have := range []map[string]string{told, contents(c.Snapshot())} {
		// These may expire after the last change.
		maps.DeleteFunc(have, func(key, _ string) bool { return strings.HasPrefix(key, "t/leased/") })
		want, err := stored(t, c.truth, 0)
		maps.DeleteFunc(want, func(key, _ string) bool { return strings.HasPrefix(key, "t/leased/") })
		if err != nil || !maps.Equal(have, want) {
			t.Errorf("a reader has %v, the store %v, %v", have, want, err)
		}
	}
	t.Logf("%d snapshots, %d compared with the store, %d compacted, %d reads after Sync, %d lists after the first one, %d histories; "+
		"the copy was up to %v older than its status said", c.looked.Load(), c.compared.Load(), c.compacted.Load(), c.synced.Load(),
		c.Status().Resyncs, c.begun.Load()+1, ms(c.lag))
	if c.compared.Load() == 0 || c.synced.Load() == 0 {
		t.Error("nothing was compared")
	}
}

// hurt has each fault once. After each the status comes to tell that the copy is up to date, and the copy is.
func (c *copied) hurt(t *testing.T, life context.Context, cluster *etcdtest.Cluster) {
	saved := cluster.SaveData()
	savedAt := c.newest(t) // or a little before
	wipe, restore := len(faults), len(faults)+1
	for _, at := range rand.Perm(len(faults) + 2) {
		before, name, began := c.Status(), "", time.Now()
		switch at {
		case wipe:
			name = "wipe"
			c.wipes.Add(1)
			c.goBack(t, c.truth, cluster.Wipe)
		case restore:
			name = "restore"
			c.goBack(t, c.truth, func() { cluster.RestoreData(saved) })
		default:
			fault, victim := faults[at], cluster.Member(rand.IntN(cluster.Size()))
			name = fault.name
			fault.strike(cluster, victim)
			time.Sleep(300*time.Millisecond + rand.N(time.Second))
			if rev := c.past.Load(); rev > 0 {
				_, _ = kv.Compact(life, kv.New(c.truth).WithTimeout(2*time.Second).WithRev(rev))
			}
			fault.heal(cluster, victim)
		}
		healed := time.Now()
		c.catchesUp(t, name)
		t.Logf("%s: %v, and the table caught up %v later", name, ms(healed.Sub(began)), ms(time.Since(healed)))
		lost := at == wipe || at == restore && before.Rev > savedAt
		if s := c.Status(); lost && s.Resyncs == before.Resyncs {
			t.Errorf("after a %s the table has not listed its keys again: %+v", name, s)
		}
	}
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// newest returns the revision of the store.
func (c *copied) newest(t *testing.T) (rev int64) {
	t.Helper()
	if err := again(t, func(within context.Context) error {
		r, err := kv.Get(within, keys(c.truth).WithLimit(1).WithKeysOnly())
		rev = r.GetHeader().GetRevision()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return rev
}

// catchesUp waits until the table is in step, and shows the newest revision of now.
func (c *copied) catchesUp(t *testing.T, after string) {
	t.Helper()
	rev := c.newest(t)
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		history, _ := whole(c.Snapshot())
		s := c.Status()
		if _, ok := c.shows(history); ok && s.InStep && s.Err == nil && s.Rev >= rev {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("after a %s the store is at revision %d, and the table at %+v, of history %s", after, rev, s, history)
		}
	}
}

// read takes snapshots, and compares some with the store.
func (c *copied) read(t *testing.T, life context.Context) {
	var last int64
	var falls, blanks int64 // how often the table went back, and was without a history
	blank := false
	for life.Err() == nil {
		s := c.Snapshot()
		history, err := whole(s)
		if err != nil {
			t.Error(err)
			return
		}
		if s.Rev() < last {
			falls++
		}
		if history == "" && !blank {
			blanks++
		}
		if falls > c.begun.Load() || blanks > c.wipes.Load() {
			t.Errorf("revision %d is shown after %d, and the history %q: the table went back %d times, the store %d; it was empty %d times, "+
				"the store %d", s.Rev(), last, history, falls, c.begun.Load(), blanks, c.wipes.Load())
			return
		}
		last, blank = s.Rev(), history == ""
		n, ok := c.shows(history)
		if c.looked.Add(1)%50 > 0 || !ok {
			time.Sleep(time.Millisecond)
			continue
		}
		want, err := stored(t, c.truth, s.Rev())
		got := contents(s)
		switch {
		case !c.is(n): // the store has gone back meanwhile
		case errors.Is(err, etcderr.ErrCompacted):
			c.compacted.Add(1)
		case err != nil || !maps.Equal(got, want):
			t.Errorf("at revision %d the table has %v, the store %v, %v", s.Rev(), got, want, err)
			return
		default:
			c.compared.Add(1)
			c.past.Store(s.Rev())
		}
	}
}

// sync writes, and finds after Sync what it wrote. A write without an answer may come after the next one, so its key is not used again.
func (c *copied) sync(t *testing.T, life context.Context) {
	unanswered := 0
	for n := 0; life.Err() == nil; n++ {
		history, ok := c.current()
		if !ok {
			time.Sleep(time.Millisecond)
			continue
		}
		key, want := fmt.Sprintf("t/own/%d", unanswered), fmt.Sprint(n)
		done, err := kv.Put(context.Background(), kv.New(c.truth).WithKey(key).WithValue(want))
		if err != nil {
			if etcderr.OutcomeOf(err) == etcderr.Unknown {
				unanswered++
			}
			continue
		}
		c.note(ack{time.Now(), done.GetHeader().GetRevision(), history})
		if c.Sync(life) != nil {
			continue
		}
		e, _ := c.Get(key)
		if !c.is(history) {
			continue // so the write may be gone
		}
		if e.Value != want {
			t.Errorf("after Sync the table has %s = %q, want %q", key, e.Value, want)
		}
		c.synced.Add(1)
		time.Sleep(5 * time.Millisecond)
	}
}

// retell makes a copy of the changes, which tell at each key what the reader has.
func (c *copied) retell(t *testing.T, telling context.Context, told map[string]string) {
	for change := range c.Changes(telling) {
		old, there := told[change.Key()]
		if there != (change.Old != nil) || there && change.Old.Value != old {
			t.Errorf("the reader has %q, %v, and is told %+v", old, there, change)
		}
		if change.New == nil {
			delete(told, change.Key())
		} else {
			told[change.Key()] = change.New.Value
		}
		if change.Key() == "t/z" { // the last one of its revision
			return
		}
	}
}

func (c *copied) note(a ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.acked) > 0 && c.acked[0].history != a.history {
		c.acked = nil
	}
	c.acked = append(c.acked, a)
}

// measure compares how old the copy is with how old its status says it is.
func (c *copied) measure(life context.Context) {
	for ; life.Err() == nil; time.Sleep(5 * time.Millisecond) {
		said := time.Now()
		s := c.Status()
		if !s.InStep {
			said = s.Since
		}
		e, _ := c.Get(historyKey)
		n, ok := c.shows(e.Value)
		c.mu.Lock()
		for len(c.acked) > 0 && (c.acked[0].rev <= s.Rev || c.acked[0].history != n) && ok {
			c.acked = c.acked[1:]
		}
		if len(c.acked) > 0 && ok {
			c.lag = max(c.lag, said.Sub(c.acked[0].at))
		}
		c.mu.Unlock()
	}
}

// settle waits until nothing has been written for a second: by a request without an answer, or by a lease that expires.
func settle(t *testing.T, c string) {
	t.Helper()
	var rev int64
	for began, since := time.Now(), time.Now(); time.Since(since) < time.Second; time.Sleep(20 * time.Millisecond) {
		_ = again(t, func(within context.Context) error {
			r, err := kv.Get(within, keys(c).WithLimit(1).WithKeysOnly())
			if now := r.GetHeader().GetRevision(); err == nil && now != rev {
				rev, since = now, time.Now()
			}
			return err
		})
		if time.Since(began) > patience {
			t.Fatal("the store does not come to rest")
		}
	}
}
