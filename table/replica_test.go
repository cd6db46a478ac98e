// SPDX-License-Identifier: Apache-2.0

package table

import (
	"fmt"
	"testing"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/recipe/follow"
)

// recordsOf returns records that show n keys.
func recordsOf(n int) (records []*record[string]) {
	for i := range n {
		records = append(records, &record[string]{entry: Entry[string]{Key: fmt.Sprintf("%06d", i), ModRev: 5}, shown: true})
	}
	return records
}

func listed(rev int64) follow.Step {
	return follow.Step{Rev: rev, Header: &pb.ResponseHeader{Revision: rev}, Part: 1}
}

func TestSnapshotsAreTakenWhileALongListIsPutIn(t *testing.T) {
	const keys = 50_000
	for range 20 { // a busy machine may run the turn alone
		c := newReplica[string]()
		records, done := recordsOf(keys), make(chan struct{})
		go func() {
			defer close(done)
			c.change(records, listed(7))
		}()
		meanwhile := 0
		for {
			if c.turns.TryLock() {
				c.turns.Unlock()
			} else if c.snapshot().Rev() == 0 {
				meanwhile++
			}
			if c.snapshot().Rev() > 0 {
				break
			}
		}
		<-done
		if s := c.snapshot(); s.Len() != keys || s.Rev() != 7 {
			t.Errorf("there are %d keys at %d", s.Len(), s.Rev())
		}
		if meanwhile > 2 {
			return
		}
	}
	t.Error("no snapshot could be taken during a turn")
}

func TestLargeAndSmallTurnsLeaveSnapshotsAsTheyWere(t *testing.T) {
	c := newReplica[string]()
	c.change(recordsOf(2*largeTurn), listed(1))
	first := c.snapshot()
	for rev, n := range []int{largeTurn, 1, largeTurn + 1, largeTurn - 1} {
		gone := recordsOf(n)
		for _, r := range gone {
			r.gone, r.shown = true, false
		}
		before := c.snapshot()
		was := before.Len()
		c.change(gone, listed(int64(2*rev)+2))
		if s := c.snapshot(); s.Len() != 2*largeTurn-n || before.Len() != was {
			t.Errorf("without %d keys there are %d, before that %d", n, s.Len(), before.Len())
		}
		c.change(recordsOf(n), listed(int64(2*rev)+3))
	}
	n := 0
	for range first.All() {
		n++
	}
	if n != 2*largeTurn || c.snapshot().Len() != n {
		t.Errorf("the first snapshot has %d keys now, the last one %d", n, c.snapshot().Len())
	}
}

// A value that does not decode leaves the last good one, which the reader has.
func TestReaderIsNotToldOfAKeyThatAListLeavesAsItWas(t *testing.T) {
	c := newReplica[string]()
	c.change(recordsOf(2), listed(5))
	r, _ := c.enter()
	bad := recordsOf(1)
	bad[0].bad = true
	again := listed(8)
	again.Resync = true
	c.change(bad, again)
	if told, _ := c.news(r); len(told) != 0 {
		t.Errorf("the reader is told %+v", told)
	}
	again.Rewound, again.Age = true, 1
	c.change(recordsOf(2), again)
	if told, _ := c.news(r); len(told) != 2 || !told[0].Resync {
		t.Errorf("after the store has gone back the reader is told %+v", told)
	}
}

// Neither waits for the other: a reader that takes long is told of one moment of the table.
func TestReaderWithMuchToBeToldHoldsUpNoTurn(t *testing.T) {
	c := newReplica[string]()
	r, _ := c.enter()
	c.change(recordsOf(2*largeTurn), listed(5))
	told, turned := c.take(r)
	gone := recordsOf(1)
	gone[0].gone, gone[0].shown = true, false
	c.change(gone, follow.Step{Rev: 6, Header: &pb.ResponseHeader{}})
	<-turned
	changes := r.news(told)
	if n := len(changes); n != 2*largeTurn || changes[0].New == nil || changes[0].Rev != 5 {
		t.Errorf("the reader is told %d changes, and %+v first", n, changes[0])
	}
	changes, _ = c.news(r)
	if len(changes) != 1 || changes[0].New != nil || changes[0].Old == nil || changes[0].Rev != 6 {
		t.Errorf("then the reader is told %+v", changes)
	}
}

// A list of many keys takes long, and a caller of WaitRev or Sync may have little time.
func TestProofDoesNotWaitForATurn(t *testing.T) {
	c := newReplica[string]()
	c.change(recordsOf(1), listed(5))
	raise := func(rev int64) int64 {
		at, _, _ := c.at()
		c.raise(at, &pb.ResponseHeader{Revision: rev})
		at, _, _ = c.at()
		return at.rev
	}
	c.turns.Lock() // as change and the readers do
	defer c.turns.Unlock()
	if rev := raise(6); rev != 6 {
		t.Errorf("a proof of revision 6 leads to %d", rev)
	}
	if !c.begin(listed(9)) {
		t.Error("a list does not begin")
	}
	if rev := raise(7); rev != 6 {
		t.Errorf("a proof during a turn leads to %d", rev)
	}
}
