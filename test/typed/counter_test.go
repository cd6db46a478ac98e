// SPDX-License-Identifier: Apache-2.0

// Package typed shows that Store.Update applies each change once at most while members are killed, and tells which changes it is
// not sure of.
package typed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/test/internal/soak"
	"github.com/eetcd-go/eetcd/typed"
	"github.com/eetcd-go/eetcd/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	writers  = 32
	patience = time.Minute
)

// counter is a number, and the writer of its last change by the number of that change. So no two writes are alike.
type counter struct{ N, Writer, Change int }

// change names one call of Update.
type change struct{ writer, change int }

// outcomes is what the writers were told of their changes.
type outcomes struct {
	mu      sync.Mutex
	applied map[change]int // what N became
	unknown map[change]error
	refused map[change]error
}

func (o *outcomes) note(c change, n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		o.applied[c] = n
	case etcderr.OutcomeOf(err) == etcderr.Unknown:
		o.unknown[c] = err
	default:
		o.refused[c] = err
	}
}

// TestEachIncrementCountsOnceWhileMembersAreKilled has many writers increment two counters, one of which has writes that look alike, and
// compares what they were told with the history of the keys.
func TestEachIncrementCountsOnceWhileMembersAreKilled(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, conn.ErrClosed) {
			t.Error(err)
		}
	})
	base := typed.New(c.Name())
	named := typed.Of(base.WithKey("named/"), typed.JSON[counter]())
	alike := typed.Of(base.WithKey("alike/"), typed.JSON[int]())
	for _, err := range []error{second(named.Create(t.Context(), "n", counter{})), second(alike.Create(t.Context(), "n", 0))} {
		if err != nil {
			t.Fatal(err)
		}
	}

	var writing sync.WaitGroup
	over := make(chan struct{})
	ofNamed, ofAlike := newOutcomes(), newOutcomes()
	for w := range writers {
		writing.Go(func() {
			for i := 0; !ended(over); i++ {
				me := change{w, i}
				if w%2 == 0 {
					entry, err := named.Update(t.Context(), "n", func(old counter, _ bool) (counter, error) {
						return counter{old.N + 1, w, i}, nil
					})
					ofNamed.note(me, entry.Value.N, err)
				} else {
					entry, err := alike.Update(t.Context(), "n", func(old int, _ bool) (int, error) { return old + 1, nil })
					ofAlike.note(me, entry.Value, err)
				}
			}
		})
	}
	for end, kills := time.Now().Add(soak.Length(t, 10*time.Second)), 0; time.Now().Before(end); kills++ {
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
	writing.Wait()

	wrong := ofNamed.compare(history(t, base, named))
	end := current(t, alike)
	for _, w := range append(wrong, ofAlike.count(end.Value, int(end.Version)-1)...) {
		t.Error(w)
	}
	t.Logf("named: %d applied, %d unknown, %d refused; alike: %d applied, %d unknown, %d refused",
		len(ofNamed.applied), len(ofNamed.unknown), len(ofNamed.refused), len(ofAlike.applied), len(ofAlike.unknown), len(ofAlike.refused))
	if len(ofNamed.applied) < 50 || len(ofAlike.applied) < 50 {
		t.Error("too little was written to show anything")
	}
}

func newOutcomes() *outcomes {
	return &outcomes{applied: map[change]int{}, unknown: map[change]error{}, refused: map[change]error{}}
}

// compare tells where the answers and the changes that the history has contradict each other.
func (o *outcomes) compare(history []counter) (wrong []string) {
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	written := map[change]int{}
	for i, value := range history {
		c := change{value.Writer, value.Change}
		if written[c] != 0 {
			add("%+v was applied twice", c)
		}
		if value.N != i+1 {
			add("change %d made the counter %d", i+1, value.N)
		}
		written[c] = value.N
		switch n, applied := o.applied[c]; {
		case o.refused[c] != nil:
			add("%+v was applied, and its writer was told that nothing was written: %v", c, o.refused[c])
		case applied && n != value.N:
			add("%+v made the counter %d, and its writer was told %d", c, value.N, n)
		case !applied && o.unknown[c] == nil:
			add("nobody was told of %+v", c)
		}
	}
	for c := range o.applied {
		if written[c] == 0 {
			add("%+v was not applied, and its writer was told that it was", c)
		}
	}
	return wrong
}

// count does the same by the value alone, for writes that look alike.
func (o *outcomes) count(value, writes int) (wrong []string) {
	made := map[int]bool{}
	for c, n := range o.applied {
		if made[n] || n < 1 || n > value {
			wrong = append(wrong, fmt.Sprintf("%+v made the counter %d, as another change did, or none", c, n))
		}
		made[n] = true
	}
	if value != writes || value < len(o.applied) || value > len(o.applied)+len(o.unknown) {
		wrong = append(wrong, fmt.Sprintf("the counter is %d after %d writes, of which %d are acknowledged and %d unknown",
			value, writes, len(o.applied), len(o.unknown)))
	}
	return wrong
}

// history returns all values of the counter but the first one.
func history(t *testing.T, c typed.Request, s typed.Store[counter]) []counter {
	t.Helper()
	now := current(t, s)
	if now.Version == 1 {
		return nil
	}
	w, err := watch.Watch(t.Context(), c.WithKey("named/n").WithStartRevision(now.CreateRev+1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var all []counter
	codec := typed.JSON[counter]()
	for e, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		value, err := codec.Decode(e.GetKv().GetValue())
		if err != nil || e.GetKv().GetVersion() != int64(len(all))+2 {
			t.Fatalf("%v, %v", e, err)
		}
		if all = append(all, value); e.GetKv().GetVersion() == now.Version {
			break
		}
	}
	return all
}

// current reads an entry as soon as a member answers.
func current[V any](t *testing.T, s typed.Store[V]) typed.Entry[V] {
	t.Helper()
	parent, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		entry, err := s.Get(parent, "n")
		if err == nil {
			return entry
		}
		if parent.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestCheckDetectsEachViolation(t *testing.T) {
	for story, tt := range map[string]struct {
		history []counter
		told    func(*outcomes)
		wrong   bool
	}{
		"all is well":      {[]counter{{1, 0, 0}, {2, 1, 0}}, func(*outcomes) {}, false},
		"applied twice":    {[]counter{{1, 0, 0}, {2, 1, 0}, {3, 0, 0}}, func(o *outcomes) { o.applied[change{0, 0}] = 3 }, true},
		"a lost update":    {[]counter{{1, 0, 0}, {1, 1, 0}}, func(o *outcomes) { o.applied[change{1, 0}] = 1 }, true},
		"not applied":      {[]counter{{1, 0, 0}}, func(*outcomes) {}, true},
		"told as refused":  {[]counter{{1, 0, 0}, {2, 1, 0}}, func(o *outcomes) { o.refused[change{0, 0}] = etcderr.ErrNoSpace }, true},
		"told otherwise":   {[]counter{{1, 0, 0}, {2, 1, 0}}, func(o *outcomes) { o.applied[change{0, 0}] = 7 }, true},
		"nobody was told":  {[]counter{{1, 0, 0}, {2, 1, 0}, {3, 2, 0}}, func(*outcomes) {}, true},
		"told as unknown":  {[]counter{{1, 0, 0}, {2, 1, 0}, {3, 2, 0}}, func(o *outcomes) { o.unknown[change{2, 0}] = etcderr.ErrTimeout }, false},
		"unknown, nothing": {[]counter{{1, 0, 0}, {2, 1, 0}}, func(o *outcomes) { o.unknown[change{2, 0}] = etcderr.ErrTimeout }, false},
	} {
		o := newOutcomes()
		o.applied[change{0, 0}], o.applied[change{1, 0}] = 1, 2
		tt.told(o)
		if wrong := o.compare(tt.history); (len(wrong) > 0) != tt.wrong {
			t.Errorf("%s: %q", story, wrong)
		}
	}
	o := newOutcomes()
	o.applied[change{0, 0}], o.unknown[change{1, 0}] = 2, etcderr.ErrTimeout
	for _, tt := range []struct {
		value, writes int
		wrong         bool
	}{{2, 2, false}, {1, 1, true}, {2, 3, true}, {3, 3, true}} {
		if wrong := o.count(tt.value, tt.writes); (len(wrong) > 0) != tt.wrong {
			t.Errorf("%d of %d: %q", tt.value, tt.writes, wrong)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func ended(over <-chan struct{}) bool {
	select {
	case <-over:
		return true
	default:
		return false
	}
}
