// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/resolver"
	"github.com/eetcd-go/eetcd/watch"
)

// entry is a registered service.
type entry struct {
	key, name, process, address string
	rev                         int64
}

func entryOf(pair *mvccpb.KeyValue) entry {
	var i resolver.Instance
	if err := json.Unmarshal(pair.GetValue(), &i); err != nil {
		return entry{key: string(pair.GetKey()), name: err.Error(), rev: pair.GetModRevision()}
	}
	about, _ := i.Metadata.(map[string]any)
	return entry{string(pair.GetKey()), fmt.Sprint(about["name"]), fmt.Sprint(about["process"]), i.Addr, pair.GetModRevision()}
}

// follow shows the registered services at first and after each change. It reads all of them at one revision, and follows every
// change from the next one on. It returns when ctx ends.
func follow(ctx context.Context, show func(all []entry, news string)) error {
	base := kv.New(connection).WithKey(service + "/").WithPrefix()
	for {
		read, err := kv.Get(ctx, base.WithTimeout(patience))
		if err != nil {
			return err
		}
		var all []entry
		for _, pair := range read.GetKvs() {
			all = append(all, entryOf(pair))
		}
		show(all, fmt.Sprintf("At revision %d", read.GetHeader().GetRevision()))
		err = followFrom(ctx, base.WithStartRevision(read.GetHeader().GetRevision()+1), all, show)
		var compacted *watch.CompactedError
		var rewound *watch.RewoundError
		if !errors.As(err, &compacted) && !errors.As(err, &rewound) {
			return err
		}
		// The history that the watch needs is gone, or it is another one: read all services again.
	}
}

func followFrom(ctx context.Context, c kv.Request, all []entry, show func([]entry, string)) error {
	w, err := watch.Watch(ctx, c)
	if err != nil {
		return err
	}
	defer w.Close()
	for event, err := range w.Events() {
		if err != nil {
			return err
		}
		rev, now := event.GetKv().GetModRevision(), entryOf(event.GetKv())
		news := "came"
		all = slices.DeleteFunc(all, func(was entry) bool {
			if was.key == now.key && event.GetType() == mvccpb.Event_DELETE {
				now.name, news = was.name, "left"
			}
			return was.key == now.key
		})
		if event.GetType() == mvccpb.Event_PUT {
			all = append(all, now)
		}
		show(all, fmt.Sprintf("At revision %d %s %s", rev, now.name, news))
	}
	return nil
}

// board prints the services, and lets the story wait for them.
type board struct {
	out   io.Writer
	calls *traffic

	mu      sync.Mutex
	shows   int
	names   []string
	changed chan struct{}
}

func newBoard(out io.Writer, calls *traffic) *board {
	return &board{out: out, calls: calls, changed: make(chan struct{})}
}

func (b *board) show(all []entry, news string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = nil
	b.shows++
	fmt.Fprintf(b.out, "   %s:\n", news)
	answered := b.calls.sinceLast()
	table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "     service\tprocess\taddress\tcalls since the last picture")
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for _, e := range all {
		b.names = append(b.names, e.name)
		fmt.Fprintf(table, "     %s\t%s\t%s\t%d\n", e.name, e.process, e.address, answered[e.address])
	}
	_ = table.Flush()
	close(b.changed)
	b.changed = make(chan struct{})
}

// await waits until exactly these services are on the board.
func (b *board) await(ctx context.Context, names ...string) error {
	for {
		b.mu.Lock()
		there, changed := slices.Equal(b.names, names), b.changed
		b.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %v: %w", names, ctx.Err())
		}
	}
}

// seen returns how many pictures there were so far.
func (b *board) seen() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shows
}

// look waits for another picture than those seen.
func (b *board) look(ctx context.Context, seen int) error {
	for {
		b.mu.Lock()
		shows, changed := b.shows, b.changed
		b.mu.Unlock()
		if shows > seen {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for a change: %w", ctx.Err())
		}
	}
}

// say prints a sentence between two tables.
func (b *board) say(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.out, "\n"+format+"\n", args...)
}
