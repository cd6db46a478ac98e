// SPDX-License-Identifier: Apache-2.0

package follow

import (
	"context"
	"errors"
	"iter"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// list gives the difference between the keys that are known and those that exist, a page at a time, but for the last part, which it
// returns. A part is given when the next page is there, since the last one has to be known as such. epoch is that of the list.
func list(life context.Context, s Spec, before history, epoch int64, give func(Step) bool) (step Step, all listing, err error) {
	known, stop := iter.Pull2(s.Known())
	defer stop()
	d := difference{next: known}
	step.Resync = before.begun
	for page, err := range s.List(life, s.Request) {
		if err != nil {
			return step, all, err
		}
		if step.Part == 0 {
			step.Header, step.Rev = page.GetHeader(), page.GetHeader().GetRevision()
			step.Rewound = before.isOver(step.Header, epoch)
			if step.Age = before.age; step.Rewound {
				step.Age++
			}
			d.at, d.all = step.Rev, step.Rewound
			d.advance()
		} else if step.More = true; !give(step) {
			return step, all, errLeft
		}
		step.Part++
		step.Events = d.page(page.GetKvs())
		all.add(page)
	}
	if step.Part == 0 {
		return step, all, errNoPage
	}
	step.More, step.Events = false, append(step.Events, d.rest()...)
	return step, all, nil
}

// listing is what a list leaves for later comparisons.
type listing struct {
	newest *mvccpb.KeyValue // by mod revision; nil if there are no keys
	keys   int
	count  int64 // as the server has it
}

func (l *listing) add(page *pb.RangeResponse) {
	for _, pair := range page.GetKvs() {
		if pair.GetModRevision() > l.newest.GetModRevision() {
			l.newest = pair
		}
	}
	l.keys += len(page.GetKvs())
	l.count = page.GetCount()
}

var errNoPage = errors.New("follow: the list has no page")

// difference compares a list with the keys that are known, both in the order of the keys.
type difference struct {
	next func() (string, int64, bool)
	at   int64 // the revision of the list
	all  bool  // also the keys that seem unchanged are told

	key   string // the first one that is known and has not been compared yet
	mod   int64
	there bool
}

func (d *difference) advance() { d.key, d.mod, d.there = d.next() }

// page returns what the next keys of the list change.
func (d *difference) page(pairs []*mvccpb.KeyValue) []*mvccpb.Event {
	var events []*mvccpb.Event
	for _, pair := range pairs {
		key := string(pair.GetKey())
		for d.there && d.key < key {
			events = append(events, d.gone())
		}
		same := false
		if d.there && d.key == key {
			same = d.mod == pair.GetModRevision() && !d.all
			d.advance()
		}
		if !same {
			events = append(events, &mvccpb.Event{Type: mvccpb.Event_PUT, Kv: pair})
		}
	}
	return events
}

// rest returns the deletions of the keys after the last one of the list.
func (d *difference) rest() (events []*mvccpb.Event) {
	for d.there {
		events = append(events, d.gone())
	}
	return events
}

func (d *difference) gone() *mvccpb.Event {
	event := &mvccpb.Event{Type: mvccpb.Event_DELETE, Kv: &mvccpb.KeyValue{Key: []byte(d.key), ModRevision: d.at}}
	d.advance()
	return event
}
