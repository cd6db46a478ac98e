// SPDX-License-Identifier: Apache-2.0

package watches

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// version is a key-value pair of the history, with a hash in place of its value.
type version struct {
	key                  string
	value                uint64
	size                 int
	create, mod, version int64
	lease                int64
}

// change is an event of the history.
type change struct {
	deleted bool
	now     version
	before  version // zero where there was none, or where nobody asked for it
}

var seed = maphash.MakeSeed()

// pair is implemented by the key-value pairs of both clients.
type pair interface {
	GetKey() []byte
	GetValue() []byte
	GetCreateRevision() int64
	GetModRevision() int64
	GetVersion() int64
	GetLease() int64
}

func versionOf(p pair) version {
	return version{
		key: string(p.GetKey()), value: maphash.Bytes(seed, p.GetValue()), size: len(p.GetValue()),
		create: p.GetCreateRevision(), mod: p.GetModRevision(), version: p.GetVersion(), lease: p.GetLease(),
	}
}

func changeOf(e *mvccpb.Event) change {
	c := change{deleted: e.Type == mvccpb.Event_DELETE, now: versionOf(e.Kv)}
	if e.PrevKv != nil {
		c.before = versionOf(e.PrevKv)
	}
	return c
}

// history has all changes of all keys from a revision on. etcd's own client reads it from the cluster, part by part
// before each is compacted. That client is used only while no member is in trouble. The values before a change are
// computed, not asked for.
type history struct {
	client  *clientv3.Client
	next    int64 // revision to go on from
	changes []change
	latest  map[string]version
}

func newHistory(t *testing.T, endpoints []string, from int64) *history {
	t.Helper()
	return &history{client: clients.OpenClientV3(t, endpoints...), next: from, latest: map[string]version{}}
}

// record adds the changes up to a revision that has been reached.
func (h *history) record(t *testing.T, upTo int64) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); h.next <= upTo; {
		read, err := h.read(t.Context(), upTo)
		if err == nil {
			h.add(read)
			h.next = upTo + 1
			return
		}
		if time.Now().After(deadline) || t.Context().Err() != nil {
			t.Fatalf("reading the history from %d to %d: %v", h.next, upTo, err)
		}
		time.Sleep(calm / 2) // the members may be yet to find each other again
	}
}

func (h *history) read(parent context.Context, upTo int64) ([]change, error) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(parent), 20*time.Second)
	defer cancel()
	var all []change
	for r := range h.client.Watch(ctx, "", clientv3.WithPrefix(), clientv3.WithRev(h.next)) {
		if err := r.Err(); err != nil {
			return nil, err
		}
		for _, e := range r.Events {
			if e.Kv.ModRevision > upTo {
				return all, nil
			}
			all = append(all, change{deleted: e.Type == clientv3.EventTypeDelete, now: versionOf(e.Kv)})
		}
		// A response holds whole revisions, and every revision has an event.
		if n := len(r.Events); n > 0 && r.Events[n-1].Kv.ModRevision == upTo {
			return all, nil
		}
	}
	return nil, fmt.Errorf("the watch ended: %w", context.Cause(ctx))
}

func (h *history) add(all []change) {
	for _, c := range all {
		c.before = h.latest[c.now.key]
		if c.deleted {
			delete(h.latest, c.now.key)
		} else {
			h.latest[c.now.key] = c.now
		}
		h.changes = append(h.changes, c)
	}
}

// of returns the history of the keys in a range from a revision on, with or without the values before.
func (h *history) of(in extent, from int64, before bool) []change {
	var all []change
	for _, c := range h.changes {
		if !in.holds(c.now.key) || c.now.mod < from {
			continue
		}
		if !before {
			c.before = version{}
		}
		all = append(all, c)
	}
	return all
}

// extent is one key, or all with a prefix.
type extent struct {
	key    string
	prefix bool
}

func (x extent) holds(key string) bool {
	if x.prefix {
		return bytes.HasPrefix([]byte(key), []byte(x.key))
	}
	return key == x.key
}

// difference returns where two histories differ, or "".
func difference(got, want []change) string {
	if slices.Equal(got, want) {
		return ""
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	show := func(all []change) string {
		if i == len(all) {
			return "the end"
		}
		return fmt.Sprintf("%+v", all[i])
	}
	return fmt.Sprintf("%d events, want %d; event %d is\n\t%s, want\n\t%s", len(got), len(want), i, show(got), show(want))
}
