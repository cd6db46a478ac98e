// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
)

// ways are those to take the mixed lock, by the value of the key.
var ways = map[string]func(context.Context, ctx.Ctx, func(context.Context, lock.Held) error) error{
	"": func(parent context.Context, c ctx.Ctx, f func(context.Context, lock.Held) error) error {
		return lock.Do(parent, c, ttl, f)
	},
	"shared": func(parent context.Context, c ctx.Ctx, f func(context.Context, lock.Held) error) error {
		return lock.Shared(parent, c, ttl, f)
	},
	"permits=2": func(parent context.Context, c ctx.Ctx, f func(context.Context, lock.Held) error) error {
		return lock.Semaphore(parent, c, 2, ttl, f)
	},
	"permits=3": func(parent context.Context, c ctx.Ctx, f func(context.Context, lock.Held) error) error {
		return lock.Semaphore(parent, c, 3, ttl, f)
	},
}

// mixed is a lock that is taken in all ways.
type mixed struct {
	mu       sync.Mutex
	inside   map[int64]holder // by the revision of the key
	together int              // the most that have been inside
	turns    map[string]int
	written  map[string]bool // acknowledged
}

type holder struct {
	kind string
	held context.Context
	lock lock.Held
}

// enter notes a holder. Before the ValidUntil of another holder that it excludes, it must not be here.
func (m *mixed) enter(t *testing.T, h holder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.inside {
		older, younger := min(h.lock.Rev, other.lock.Rev), max(h.lock.Rev, other.lock.Rev)
		if other.held.Err() == nil && other.lock.ValidUntil().After(time.Now()) && !beside(h.kind, other.kind) {
			t.Errorf("%q and %q hold at the same time, with the keys of %d and %d", h.kind, other.kind, older, younger)
		}
	}
	m.inside[h.lock.Rev] = h
	m.together = max(m.together, len(m.inside))
	m.turns[h.kind]++
}

func (m *mixed) leave(h holder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.inside, h.lock.Rev)
}

// beside reports whether holders of these kinds may hold at the same time, if there are permits enough.
func beside(one, other string) bool {
	return one == other && one != "" || permitsOf(one)*permitsOf(other) > 0
}

func permitsOf(kind string) (n int) {
	_, _ = fmt.Sscanf(kind, "permits=%d", &n)
	return n
}

// TestKindsKeepApartWhileMembersAreLost lets readers, writers and holders of permits write through their guards in one queue,
// while members are lost in turn. Then it asks the history whether the rules of their kinds let them.
func TestKindsKeepApartWhileMembersAreLost(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	from := revision(t, open(t, cluster))
	m := &mixed{inside: map[int64]holder{}, turns: map[string]int{}, written: map[string]bool{}}
	var bases [connections]ctx.Ctx
	for i := range bases {
		bases[i] = open(t, cluster)
	}
	over := make(chan struct{})
	var all sync.WaitGroup
	for id := range 2 * contenders {
		all.Go(func() { m.contend(t, bases[id%connections].WithName(name), id, over) })
	}
	hurt(t, cluster, endsLeases)
	close(over)
	all.Wait()
	settled(t, bases[0])
	wrong, written, together := rules(history(t, bases[0], from))
	for _, w := range wrong[:min(len(wrong), 10)] {
		t.Error(w)
	}
	for value := range m.written {
		if !written[value] {
			t.Errorf("%q was acknowledged, and is not in the history", value)
		}
	}
	t.Logf("turns: %v; %d writes, %d acknowledged; up to %d hold together, by the history %d",
		m.turns, len(written), len(m.written), m.together, together)
	if len(m.turns) < len(ways) || len(m.written) < len(ways) || m.together < 2 || together < 2 {
		t.Error("this shows little")
	}
}

// contend takes the lock again and again, and after the faults once more in each way, which it must get.
func (m *mixed) contend(t *testing.T, c ctx.Ctx, id int, over <-chan struct{}) {
	for {
		kind := []string{"", "shared", "shared", "shared", "permits=2", "permits=3", "permits=3"}[rand.IntN(7)]
		select {
		case <-over:
			for kind := range ways {
				err := lock.ErrLost
				for errors.Is(err, lock.ErrLost) {
					err = m.turn(t, c.WithTimeout(patience), id, kind)
				}
				if err != nil {
					t.Errorf("contender %d has not got its last turn with %q: %v", id, kind, err)
				}
			}
			return
		default:
		}
		if err := m.turn(t, c.WithTimeout(20*time.Second), id, kind); err != nil {
			time.Sleep(20 * time.Millisecond) // with no endpoint it fails at once
		}
	}
}

func (m *mixed) turn(t *testing.T, c ctx.Ctx, id int, kind string) error {
	work := kv.Key(workKey)
	return ways[kind](t.Context(), c, func(held context.Context, l lock.Held) error {
		h := holder{kind, held, l}
		m.enter(t, h)
		defer m.leave(h)
		for n := range 5 + rand.IntN(10) {
			value := fmt.Sprintf("%d/%d/%d", l.Rev, id, n)
			writing, cancel := context.WithTimeout(context.WithoutCancel(held), 2*time.Second)
			// A holder that has lost its turn writes once more, and the fence must refuse that.
			answer, err := kv.Txn(writing, kv.New(sealed.Ctx(c).Conn()), op.If(l.Guard()).Then(op.Put(work.WithValue(value))))
			cancel()
			if err == nil && answer.GetSucceeded() {
				m.mu.Lock()
				m.written[value] = true
				m.mu.Unlock()
			}
			if held.Err() != nil {
				break
			}
		}
		return nil
	})
}
