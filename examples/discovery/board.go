// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// services holds the registered services by key.
type services map[string]*mvccpb.KeyValue

// follow keeps a table of the registered services, and shows it at first and after each change. It reads all of them at
// one revision, and follows every change from the next one on. It returns when ctx ends.
func follow(ctx context.Context, show func(s services, news string)) error {
	base := kv.New(connection).WithKey(prefix).WithPrefix()
	for {
		all, err := kv.Get(ctx, base)
		if err != nil {
			return err
		}
		table := services{}
		for _, pair := range all.GetKvs() {
			table[name(pair)] = pair
		}
		show(table, fmt.Sprintf("At revision %d", all.GetHeader().GetRevision()))
		err = table.watch(ctx, base.WithStartRevision(all.GetHeader().GetRevision()+1), show)
		var compacted *watch.CompactedError
		if !errors.As(err, &compacted) {
			return err
		}
		// The watch was away for longer than the history is kept: read all services again.
	}
}

func (s services) watch(ctx context.Context, c kv.Request, show func(services, string)) error {
	w, err := watch.Watch(ctx, c)
	if err != nil {
		return err
	}
	defer w.Close()
	for event, err := range w.Events() {
		if err != nil {
			return err
		}
		who, rev := name(event.GetKv()), event.GetKv().GetModRevision()
		if event.GetType() == mvccpb.Event_DELETE {
			delete(s, who)
			show(s, fmt.Sprintf("At revision %d %s left", rev, who))
			continue
		}
		s[who] = event.GetKv()
		show(s, fmt.Sprintf("At revision %d %s came", rev, who))
	}
	return nil
}

func name(pair *mvccpb.KeyValue) string { return strings.TrimPrefix(string(pair.GetKey()), prefix) }

// board prints the table, and lets the story wait for its content.
type board struct {
	out io.Writer

	mu      sync.Mutex
	names   []string
	changed chan struct{}
}

func newBoard(out io.Writer) *board { return &board{out: out, changed: make(chan struct{})} }

func (b *board) show(s services, news string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = slices.Sorted(maps.Keys(s))
	fmt.Fprintf(b.out, "   %s:\n", news)
	table := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "     service\tprocess\tsince revision")
	for _, name := range b.names {
		fmt.Fprintf(table, "     %s\t%s\t%d\n", name, s[name].GetValue(), s[name].GetModRevision())
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

// say prints a sentence between two tables.
func (b *board) say(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.out, "\n"+format+"\n", args...)
}
