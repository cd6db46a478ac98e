// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// begin tells when turns begin. Each of them ends at once.
func begin(p *pacer, turns []*turn) []time.Time {
	at := make([]time.Time, len(turns))
	for i, t := range turns {
		<-t.begun
		at[i] = time.Now()
		p.leave(t)
	}
	return at
}

func enterAll(p *pacer, queue, n int) []*turn {
	turns := make([]*turn, n)
	for i := range turns {
		turns[i] = p.enter(queue, 0)
	}
	return turns
}

// busiest is how many turns begin in a second at most.
func busiest(at []time.Time) int {
	most := 0
	for i := range at {
		end, _ := slices.BinarySearchFunc(at, at[i].Add(time.Second), time.Time.Compare)
		most = max(most, end-i)
	}
	return most
}

func TestTurnsBeginAtTheirPaceAlsoAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		began := time.Now()
		first := begin(&p, enterAll(&p, starting, 300))
		rest := enterAll(&p, starting, 300)
		p.timer.Stop() // as if the process did not run
		time.Sleep(900 * time.Millisecond)
		p.mu.Lock()
		p.serve()
		p.mu.Unlock()
		at := append(first, begin(&p, rest)...)
		if n := busiest(at); n > paceRate+paceBurst+1 {
			t.Errorf("%d turns began within a second", n)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("600 turns took %v", took)
		}
	})
}

func TestTurnOfAPresenceThatHasBegunToReturnComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		waiting := enterAll(&p, starting, 300)
		began := time.Now()
		first := p.enter(returning, 0)
		<-first.begun
		p.leave(first)
		if took := time.Since(began); took > 2*paceEach {
			t.Errorf("it waited for %v", took)
		}
		gone := p.enter(returning, time.Second)
		p.leave(gone)
		p.leave(waiting[299])
		p.leave(waiting[0]) // has begun
		begin(&p, waiting[1:299])
		select {
		case <-gone.begun:
			t.Error("a turn that was given up began")
		case <-waiting[299].begun:
			t.Error("a turn that was given up began")
		case <-time.After(time.Minute):
		}
	})
}

func TestTurnsThatAreHeldUpHoldUpTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pacer
		turns := enterAll(&p, starting, 300)
		time.Sleep(10 * time.Second)
		for i, turn := range turns {
			select {
			case <-turn.begun:
				if i >= paceAhead {
					t.Fatalf("turn %d begins while those before it are under way", i)
				}
			default:
				if i < paceAhead {
					t.Fatalf("turn %d has not begun", i)
				}
			}
		}
		if n := busiest(begin(&p, turns)); n > paceRate+paceBurst+paceAhead+1 {
			t.Errorf("%d turns began within a second", n)
		}
	})
}
