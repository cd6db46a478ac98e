// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"

	"github.com/eetcd-go/eetcd/resolver"
	"github.com/eetcd-go/eetcd/table"
)

// follow shows the registered services at first and after each change. It returns when ctx ends.
func follow(ctx context.Context, show func(all table.Snapshot[resolver.Instance], news string)) error {
	t, err := table.Follow(ctx, table.New(connection).WithKey(service+"/").WithPrefix(), table.JSON[resolver.Instance])
	if err != nil {
		return err
	}
	defer t.Close()
	first := t.Snapshot()
	show(first, fmt.Sprintf("At revision %d", first.Rev()))
	for c := range t.Changes(ctx) {
		switch {
		case c.New == nil:
			show(t.Snapshot(), fmt.Sprintf("At revision %d %s left", c.Rev, about(c.Old.Value, "name")))
		case c.Old == nil:
			show(t.Snapshot(), fmt.Sprintf("At revision %d %s came", c.Rev, about(c.New.Value, "name")))
		default:
			show(t.Snapshot(), fmt.Sprintf("At revision %d %s came again", c.Rev, about(c.New.Value, "name")))
		}
	}
	return t.Err()
}

// about returns an entry of the metadata of a service.
func about(i resolver.Instance, entry string) string {
	metadata, _ := i.Metadata.(map[string]any)
	return fmt.Sprint(metadata[entry])
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

func (b *board) show(all table.Snapshot[resolver.Instance], news string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = nil
	b.shows++
	fmt.Fprintf(b.out, "   %s:\n", news)
	answered := b.calls.sinceLast()
	var lines []string
	for e := range all.All() {
		name := about(e.Value, "name")
		b.names = append(b.names, name)
		lines = append(lines,
			fmt.Sprintf("     %s\t%s\t%s\t%d", name, about(e.Value, "process"), e.Value.Addr, answered[e.Value.Addr]))
	}
	slices.Sort(b.names)
	slices.Sort(lines)
	picture := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(picture, "     service\tprocess\taddress\tcalls since the last picture")
	for _, line := range lines {
		fmt.Fprintln(picture, line)
	}
	_ = picture.Flush()
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
