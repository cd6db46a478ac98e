// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// settled waits until no contender's key is left. If a revocation failed, the key goes with its lease.
func settled(t *testing.T, c ctx.Ctx) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		r, err := kv.Get(t.Context(), c.WithKey(name).WithPrefix().WithTimeout(patience))
		if err != nil {
			t.Fatal(err)
		}
		if len(r.GetKvs()) == 0 {
			return
		}
		if time.Since(began) > ttl+10*time.Second {
			t.Fatalf("left behind: %v", r.GetKvs())
		}
	}
}

// history returns what has happened below the root since a revision.
func history(t *testing.T, c ctx.Ctx, from int64) (events []*mvccpb.Event) {
	t.Helper()
	if _, err := kv.Put(t.Context(), c.WithKey(endKey).WithTimeout(patience)); err != nil {
		t.Fatal(err)
	}
	w, err := watch.Watch(t.Context(), c.WithKey(root).WithPrefix().WithStartRevision(from+1))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for e, err := range w.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if string(e.GetKv().GetKey()) == endKey {
			break
		}
		events = append(events, e)
	}
	return events
}

// judge replays the history from a revision on.
func judge(t *testing.T, c ctx.Ctx, from int64, records []record) {
	t.Helper()
	wrong, written, holders := replay(history(t, c, from))
	for _, w := range wrong[:min(len(wrong), 10)] {
		t.Error(w)
	}
	turns, failures, losses, acknowledged := 0, 0, 0, 0
	for id, r := range records {
		turns, failures, losses = turns+r.turns, failures+r.failures, losses+r.losses
		for _, value := range r.acknowledged {
			acknowledged++
			if !written[value] {
				t.Errorf("contender %d was told that %q is written, and it is not", id, value)
			}
		}
	}
	t.Logf("%d turns of %d contenders, %d lost and %d not got; %d fenced writes of %d holders, %d acknowledged",
		turns, len(records), losses, failures, len(written), holders, acknowledged)
	if holders < len(records) || acknowledged < holders {
		t.Errorf("a history of %d holders and %d writes shows little", holders, acknowledged)
	}
}

// replay returns what is wrong with a history: a fenced write outside of its holder's turn, or after a write of a later
// holder.
func replay(events []*mvccpb.Event) (wrong []string, written map[string]bool, holders int) {
	queue := map[string]int64{} // the contenders' keys, with their create revisions
	written = map[string]bool{}
	owner := map[int64]int{}
	before := int64(0)
	for _, e := range events {
		pair := e.GetKv()
		key := string(pair.GetKey())
		switch {
		case strings.HasPrefix(key, name+"/") && e.GetType() == mvccpb.Event_DELETE:
			delete(queue, key)
		case strings.HasPrefix(key, name+"/"):
			queue[key] = pair.GetCreateRevision()
		case key == workKey:
			var rev int64
			var id, n int
			if _, err := fmt.Sscanf(string(pair.GetValue()), "%d/%d/%d", &rev, &id, &n); err != nil {
				wrong = append(wrong, fmt.Sprintf("%q is no contender's value", pair.GetValue()))
				continue
			}
			oldest := int64(0)
			if all := values(queue); len(all) > 0 {
				oldest = slices.Min(all)
			}
			first, known := owner[rev]
			at := pair.GetModRevision()
			switch {
			case rev != oldest:
				wrong = append(wrong, fmt.Sprintf("at revision %d %q is written, while %d has its turn", at, pair.GetValue(), oldest))
			case rev < before:
				wrong = append(wrong, fmt.Sprintf("at revision %d %q is written after a write of %d", at, pair.GetValue(), before))
			case known && first != id:
				wrong = append(wrong, fmt.Sprintf("%d is held by %d and by %d", rev, first, id))
			case written[string(pair.GetValue())]:
				wrong = append(wrong, fmt.Sprintf("%q is written twice", pair.GetValue()))
			}
			owner[rev], before, written[string(pair.GetValue())] = id, rev, true
		}
	}
	return wrong, written, len(owner)
}

func values(queue map[string]int64) []int64 {
	var all []int64
	for _, rev := range queue {
		all = append(all, rev)
	}
	return all
}

func TestReplayDetectsEachViolation(t *testing.T) {
	put := func(key, value string, create, mod int64) *mvccpb.Event {
		return &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), CreateRevision: create, ModRevision: mod}}
	}
	gone := func(key string, mod int64) *mvccpb.Event {
		return &mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: []byte(key), ModRevision: mod}}
	}
	a, b := put(name+"/a", "", 2, 2), put(name+"/b", "", 3, 3)
	work := func(value string, mod int64) *mvccpb.Event { return put(workKey, value, 1, mod) }
	for story, c := range map[string]struct {
		events []*mvccpb.Event
		wrong  bool
	}{
		"in order":            {[]*mvccpb.Event{a, b, work("2/0/0", 4), gone(name+"/a", 5), work("3/1/0", 6)}, false},
		"out of turn":         {[]*mvccpb.Event{a, b, work("3/1/0", 4)}, true},
		"after the end":       {[]*mvccpb.Event{a, work("2/0/0", 4), gone(name+"/a", 5), work("2/0/1", 6)}, true},
		"by two":              {[]*mvccpb.Event{a, work("2/0/0", 4), work("2/1/0", 5)}, true},
		"twice":               {[]*mvccpb.Event{a, work("2/0/0", 4), work("2/0/0", 5)}, true},
		"by nobody in a turn": {[]*mvccpb.Event{work("0/0/0", 4), work("-1/0/0", 5)}, true},
	} {
		if wrong, _, _ := replay(c.events); (len(wrong) > 0) != c.wrong {
			t.Errorf("%s: %q", story, wrong)
		}
	}
}
