// SPDX-License-Identifier: Apache-2.0

package table

import (
	"fmt"

	"google.golang.org/grpc/grpclog"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// logger is gRPC's log.
var logger = grpclog.Component("etcd-table")

// feeder turns the steps of a follower into the turns of a replica. One goroutine uses it.
type feeder[V any] struct {
	replica *replica[V]
	decoder decoder[V]
	onError func(key string, err error) // may be nil

	records []*record[V] // of a list that is not complete
	// held are events of the watch before the revision that a proof has shown meanwhile. What they do and undo is not shown any
	// more: they go with the next step.
	held []*mvccpb.Event
}

// feed takes a step. It reports whether the replica shows it, or something later.
func (f *feeder[V]) feed(step follow.Step) bool {
	switch step.Part {
	case 0:
		f.records, step.Events = nil, append(f.held, step.Events...)
	case 1:
		f.records, f.held = nil, nil
	}
	var at map[string]int // a watch may report a key more than once
	if step.Part == 0 {
		at = make(map[string]int, len(step.Events))
	}
	for _, event := range step.Events {
		pair := event.GetKv()
		i, again := at[string(pair.GetKey())]
		var now *record[V]
		if again {
			now = f.records[i]
		} else {
			now = f.replica.index.get(string(pair.GetKey()))
		}
		r := f.record(event, now)
		if again {
			f.records[i] = r
			continue
		}
		if at != nil {
			at[r.entry.Key] = len(f.records)
		}
		f.records = append(f.records, r)
	}
	if step.More {
		return false
	}
	f.held = nil
	if !f.replica.change(f.records, step) {
		f.held = step.Events
	}
	f.records = nil
	return true
}

// record returns what an event makes of a key that has a record now, nil if it has none.
func (f *feeder[V]) record(event *mvccpb.Event, now *record[V]) *record[V] {
	pair := event.GetKv()
	if event.GetType() == mvccpb.Event_DELETE {
		return &record[V]{entry: Entry[V]{Key: string(pair.GetKey())}, mod: pair.GetModRevision(), gone: true}
	}
	value, err := f.decoder.value(pair)
	if err == nil {
		return &record[V]{entry: entryOf(pair, value), mod: pair.GetModRevision(), shown: true}
	}
	f.refused(string(pair.GetKey()), err)
	r := &record[V]{entry: Entry[V]{Key: string(pair.GetKey())}, mod: pair.GetModRevision(), bad: true}
	if now.isShown() && now.entry.CreateRev == pair.GetCreateRevision() { // otherwise it is the value of another key
		r.entry, r.shown = now.entry, true
	}
	return r
}

// refused tells the program that a value is not shown. A panic of its function must not end the program.
func (f *feeder[V]) refused(key string, why error) {
	if f.onError == nil {
		return
	}
	defer func() {
		if said := recover(); said != nil {
			logger.Errorf("the function of WithOnError panicked: %s", tell.Line(fmt.Sprint(said)))
		}
	}()
	f.onError(key, why)
}
