// SPDX-License-Identifier: Apache-2.0

package coordination

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// rules returns what is wrong with a history of writers, readers and holders of permits: a fenced write by a place whose turn it
// was not, with the keys that were in the queue. together is the most turns that there were at a write.
func rules(events []*mvccpb.Event) (wrong []string, written map[string]bool, together int) {
	queue := map[string]*mvccpb.KeyValue{}
	written = map[string]bool{}
	for _, e := range events {
		pair := e.GetKv()
		key := string(pair.GetKey())
		switch {
		case strings.HasPrefix(key, name+"/") && e.GetType() == mvccpb.Event_DELETE:
			delete(queue, key)
		case strings.HasPrefix(key, name+"/"):
			queue[key] = pair
		case key == workKey:
			var rev int64
			var id, n int
			value := string(pair.GetValue())
			if _, err := fmt.Sscanf(value, "%d/%d/%d", &rev, &id, &n); err != nil || written[value] {
				wrong = append(wrong, fmt.Sprintf("%q is no contender's value, or written again", value))
			}
			written[value] = true
			turns := 0
			its := false
			for _, place := range queue {
				if may(place, queue) {
					turns++
					its = its || place.GetCreateRevision() == rev
				}
			}
			if !its {
				at := pair.GetModRevision()
				wrong = append(wrong, fmt.Sprintf("at revision %d %q is written out of turn, with the queue %v", at, value, queue))
			}
			together = max(together, turns)
		}
	}
	return wrong, written, together
}

// may reports whether it is the turn of a place.
func may(place *mvccpb.KeyValue, queue map[string]*mvccpb.KeyValue) bool {
	kind := string(place.GetValue())
	older := 0
	for _, other := range queue {
		if other.GetCreateRevision() >= place.GetCreateRevision() {
			continue
		}
		if !beside(kind, string(other.GetValue())) {
			return false
		}
		older++
	}
	return permitsOf(kind) == 0 || older < permitsOf(kind)
}

func TestRulesDetectEachViolation(t *testing.T) {
	put := func(rev int64, kind string) *mvccpb.Event {
		key := fmt.Sprint(name, "/", rev)
		return &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(key), Value: []byte(kind), CreateRevision: rev, ModRevision: rev}}
	}
	gone := func(rev int64) *mvccpb.Event {
		return &mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: fmt.Append(nil, name, "/", rev)}}
	}
	work := func(rev int64) *mvccpb.Event {
		return &mvccpb.Event{Kv: &mvccpb.KeyValue{Key: []byte(workKey), Value: fmt.Append(nil, rev, "/0/0")}}
	}
	type events = []*mvccpb.Event
	for story, c := range map[string]struct {
		events   events
		wrong    bool
		together int
	}{
		"a writer":                            {events{put(1, ""), work(1)}, false, 1},
		"a writer behind a writer":            {events{put(1, ""), put(2, ""), work(2)}, true, 1},
		"two readers":                         {events{put(1, "shared"), put(2, "shared"), work(2), work(1)}, false, 2},
		"a writer behind a reader":            {events{put(1, "shared"), put(2, ""), work(2)}, true, 1},
		"a reader past a writer":              {events{put(1, "shared"), put(2, ""), put(3, "shared"), work(3)}, true, 1},
		"two of two permits":                  {events{put(1, "permits=2"), put(2, "permits=2"), work(2)}, false, 2},
		"the third of two permits":            {events{put(1, "permits=2"), put(2, "permits=2"), put(3, "permits=2"), work(3)}, true, 2},
		"the third of three, of two":          {events{put(1, "permits=2"), put(2, "permits=2"), put(3, "permits=3"), work(3)}, false, 3},
		"a permit that is free again":         {events{put(1, "permits=1"), put(2, "permits=1"), gone(1), work(2)}, false, 1},
		"a holder that has lost its turn":     {events{put(1, "shared"), gone(1), work(1)}, true, 0},
		"a permit behind a reader":            {events{put(1, "shared"), put(2, "permits=2"), work(2)}, true, 1},
		"two writes of the same holder equal": {events{put(1, ""), work(1), work(1)}, true, 1},
	} {
		if wrong, _, together := rules(c.events); (len(wrong) > 0) != c.wrong || together != c.together {
			t.Errorf("%s: %d together, %q", story, together, wrong)
		}
	}
}
