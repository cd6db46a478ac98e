// SPDX-License-Identifier: Apache-2.0

package tables

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/table"
)

const (
	writerCount = 8
	groups      = 20 // of keys that one transaction writes
	groupSize   = 5
	steady      = 50 // keys that nobody deletes

	// historyKey has the number of the history, and is written together with the keys that nobody deletes.
	historyKey = "t/history"
)

// found writes what a history begins with.
func found(within context.Context, c string, history int64) error {
	ops := []op.Op{op.Put(kv.Key(historyKey).WithValue(fmt.Sprint(history)))}
	for i := range steady {
		ops = append(ops, op.Put(kv.Key(fmt.Sprintf("t/steady/%d", i)).WithValue("steady")))
	}
	_, err := kv.Txn(within, kv.New(c), op.If().Then(ops...))
	return err
}

// write writes until life ends: groups of keys that are put or deleted together, and keys whose lease expires. It waits for the
// last answer, because a write that is given up may be applied later. It leaves a store alone that goes back, so that this takes no
// longer than it has to.
func write(life context.Context, c string, h *histories, seed uint64) {
	pick := rand.New(rand.NewPCG(seed, 0))
	for n := 0; life.Err() == nil; n++ {
		if _, ok := h.current(); !ok {
			time.Sleep(time.Millisecond)
			continue
		}
		to, all := kv.New(c).WithTimeout(2*time.Second), context.Background()
		if n%20 == 0 {
			if granted, err := lease.Grant(all, lease.New(c), 2*time.Second); err == nil {
				key := fmt.Sprintf("t/leased/%d", pick.IntN(100))
				_, _ = kv.Put(all, to.WithKey(key).WithValue("brief").WithLease(granted.GetID()))
			}
			continue
		}
		group, value := pick.IntN(groups), fmt.Sprintf("%d of %d", n, seed)
		var ops []op.Op
		for i := range groupSize {
			key := kv.Key(fmt.Sprintf("t/group/%d/%d", group, i))
			if n%5 == 0 {
				ops = append(ops, op.Delete(key))
			} else {
				ops = append(ops, op.Put(key.WithValue(value)))
			}
		}
		_, _ = kv.Txn(all, to, op.If().Then(ops...))
	}
}

// whole checks that a snapshot shows whole transactions. It reports whether there is a history: a store that was wiped has none of its
// keys, and neither does the table then.
func whole(s table.Snapshot[string]) (history string, err error) {
	for group := range groups {
		first, there := s.Get(fmt.Sprintf("t/group/%d/0", group))
		for i := 1; i < groupSize; i++ {
			e, also := s.Get(fmt.Sprintf("t/group/%d/%d", group, i))
			if also != there || e.Value != first.Value || e.ModRev != first.ModRev {
				return "", fmt.Errorf("at revision %d group %d has %+v and %+v", s.Rev(), group, first, e)
			}
		}
	}
	n, want := 0, 0
	for range s.Prefix("t/steady/") {
		n++
	}
	e, there := s.Get(historyKey)
	if there {
		want = steady
	}
	if n != want {
		return "", fmt.Errorf("at revision %d there are %d of the %d keys that nobody deletes", s.Rev(), n, want)
	}
	return e.Value, nil
}
