// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/eetcd-go/eetcd/etcdtest"
)

// fault is one way to lose a member and to get it back.
type fault struct {
	name         string
	strike, heal func(*etcdtest.Cluster, *etcdtest.Member)
}

func ofMember(do func(*etcdtest.Member)) func(*etcdtest.Cluster, *etcdtest.Member) {
	return func(_ *etcdtest.Cluster, m *etcdtest.Member) { do(m) }
}

var faults = []fault{
	{"kill", ofMember((*etcdtest.Member).Kill), ofMember((*etcdtest.Member).Restart)},
	{"pause", ofMember((*etcdtest.Member).Pause), ofMember((*etcdtest.Member).Resume)},
	{"cut", ofMember((*etcdtest.Member).Cut), ofMember((*etcdtest.Member).Heal)},
	{"blackhole", ofMember((*etcdtest.Member).Blackhole), ofMember((*etcdtest.Member).Heal)},
	{"partition", (*etcdtest.Cluster).Partition, func(c *etcdtest.Cluster, _ *etcdtest.Member) { c.HealPartition() }},
}

// histories counts the histories of a store that goes back.
type histories struct {
	begun, wipes atomic.Int64
	settled      atomic.Int64 // the newest one that has its keys
}

// current returns the number of the present history. It reports false while another one begins.
func (h *histories) current() (int64, bool) {
	settled := h.settled.Load()
	return settled, settled == h.begun.Load()
}

// is reports whether that history is still the present one.
func (h *histories) is(history int64) bool {
	now, ok := h.current()
	return ok && now == history
}

// goBack begins a new history, as change makes the store go back.
func (h *histories) goBack(t *testing.T, c string, change func()) {
	t.Helper()
	n := h.begun.Add(1)
	change()
	if err := again(t, func(within context.Context) error { return found(within, c, n) }); err != nil {
		t.Fatal(err)
	}
	h.settled.Store(n)
}

// shows reports whether a snapshot is of the present history. The number of a history is written in no other one.
func (h *histories) shows(history string) (int64, bool) {
	now, ok := h.current()
	return now, ok && history == fmt.Sprint(now)
}
