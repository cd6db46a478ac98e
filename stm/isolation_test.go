// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"fmt"
	"testing"

	"github.com/eetcd-go/eetcd/stm"
)

// A history begins with a=1 and b=1. Somebody else is in the way of the first try, and of no other.
var histories = []struct {
	name      string
	reads     string      // before the others, key by key; "*" is the whole range
	others    func(space) // in the first try
	writes    string      // after the others, key by key; each key gets the value "mine"
	conflicts [4]int      // of the levels, the strictest first
	state     string      // at the end
}{
	{
		name: "lost update", reads: "a", others: func(s space) { s.put("a", "2") }, writes: "a",
		conflicts: [4]int{1, 1, 1, 0}, state: "a=mine b=1",
	},
	{
		name: "write skew", reads: "ab", others: func(s space) {
			s.run(func(tx *stm.Tx) error {
				s.see(tx).value("a")
				s.see(tx).value("b")
				tx.Put(s.name("b"), "theirs")
				return nil
			})
		}, writes: "a",
		conflicts: [4]int{1, 1, 1, 0}, state: "a=mine b=theirs",
	},
	{
		name: "somebody else puts what is written unread", reads: "a", others: func(s space) { s.put("b", "2") }, writes: "b",
		conflicts: [4]int{1, 0, 0, 0}, state: "a=1 b=mine",
	},
	{
		name: "somebody else deletes what is written unread", reads: "a", others: func(s space) { s.remove("b") }, writes: "b",
		conflicts: [4]int{0, 0, 0, 0}, state: "a=1 b=mine",
	},
	{
		name: "nothing read", others: func(s space) { s.put("b", "2") }, writes: "b",
		conflicts: [4]int{0, 0, 0, 0}, state: "a=1 b=mine",
	},
	{
		name: "somebody else writes elsewhere", reads: "a", others: func(s space) { s.put("z", "2") }, writes: "b",
		conflicts: [4]int{0, 0, 0, 0}, state: "a=1 b=mine z=2",
	},
	{
		name: "a key that was missing is created", reads: "c", others: func(s space) { s.put("c", "2") }, writes: "a",
		conflicts: [4]int{1, 1, 1, 0}, state: "a=mine b=1 c=2",
	},
	{
		name: "a key is deleted", reads: "a", others: func(s space) { s.remove("a") }, writes: "b",
		conflicts: [4]int{1, 1, 1, 0}, state: "b=mine",
	},
	{
		name: "a key is deleted and created as it was", reads: "a", others: func(s space) { s.remove("a"); s.put("a", "1") }, writes: "b",
		conflicts: [4]int{1, 1, 1, 0}, state: "a=1 b=mine",
	},
	{
		name: "a key comes into a range", reads: "*", others: func(s space) { s.put("ab", "2") }, writes: "a",
		conflicts: [4]int{1, 1, 1, 0}, state: "a=mine ab=2 b=1",
	},
	{
		name: "a key of a range is changed", reads: "*", others: func(s space) { s.put("b", "2") }, writes: "a",
		conflicts: [4]int{1, 1, 1, 0}, state: "a=mine b=2",
	},
	{
		name: "a key of a range is deleted", reads: "*", others: func(s space) { s.remove("b") }, writes: "a",
		conflicts: [4]int{1, 1, 1, 0}, state: "a=mine",
	},
	{
		name: "a range is emptied", reads: "*", others: func(s space) { s.remove("a"); s.remove("b") }, writes: "c",
		conflicts: [4]int{1, 1, 1, 0}, state: "c=mine",
	},
	{
		name: "a key comes into a range and goes again", reads: "*", writes: "a",
		others:    func(s space) { s.put("ab", "2"); s.remove("ab") },
		conflicts: [4]int{0, 0, 0, 0}, state: "a=mine b=1",
	},
}

func TestLevelOfIsolationDecidesWhatIsAConflict(t *testing.T) {
	for _, h := range histories {
		for i, level := range levels {
			t.Run(fmt.Sprintf("%s/%v", h.name, level), func(t *testing.T) {
				s := newSpace(t)
				s.put("a", "1")
				s.put("b", "1")
				conflicts := -1
				s.run(func(tx *stm.Tx) error {
					conflicts = tx.Conflicts()
					for _, key := range h.reads {
						if key == '*' {
							s.see(tx).pairs(s.all())
						} else {
							s.see(tx).value(string(key))
						}
					}
					if conflicts == 0 {
						h.others(s)
					}
					for _, key := range h.writes {
						tx.Put(s.name(string(key)), "mine")
					}
					return nil
				}, stm.WithIsolation(level))
				if conflicts != h.conflicts[i] {
					t.Errorf("%d conflicts, want %d", conflicts, h.conflicts[i])
				}
				s.wantState(h.state)
			})
		}
	}
}

// Two doctors are on call, and each may leave if the other stays.
func TestWriteSkewIsPossibleUnderReadCommittedOnly(t *testing.T) {
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.put("alice", "on call")
			s.put("bob", "on call")
			leave := func(who, other string, meanwhile func()) {
				s.run(func(tx *stm.Tx) error {
					stays := s.see(tx).value(other) == "on call"
					if tx.Conflicts() == 0 {
						meanwhile()
					}
					if stays {
						tx.Put(s.name(who), "away")
					}
					return nil
				}, stm.WithIsolation(level))
			}
			leave("alice", "bob", func() { leave("bob", "alice", func() {}) })
			want := "alice=on call bob=away"
			if level == stm.ReadCommitted {
				want = "alice=away bob=away"
			}
			s.wantState(want)
		})
	}
}

func TestLevelOfIsolationDecidesWhetherReadsAreOfOneRevision(t *testing.T) {
	for i, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.put("a", "1")
			rev := s.put("b", "1")
			var first [3]string
			conflicts := 0
			resp := s.run(func(tx *stm.Tx) error {
				see := s.see(tx)
				a := see.value("a")
				if conflicts = tx.Conflicts(); conflicts > 0 {
					see.value("b")
					return nil
				}
				s.put("a", "2")
				s.put("b", "2")
				s.put("c", "2")
				first = [3]string{a, see.value("b"), see.pairs(s.all())}
				if again := see.value("a"); again != a {
					t.Errorf("a is %q, and %q when it is read again", a, again)
				}
				return nil
			}, stm.WithIsolation(level))
			want := [3]string{"1", "1", "a=1 b=1"}
			if level == stm.RepeatableReads || level == stm.ReadCommitted {
				want = [3]string{"1", "2", "a=1 b=2 c=2"} // a is what it was when it was read
			}
			if first != want {
				t.Errorf("the first try saw %q, want %q", first, want)
			}
			if want := []int{0, 0, 1, 0}[i]; conflicts != want {
				t.Errorf("%d conflicts of a transaction that only reads, want %d", conflicts, want)
			}
			if got := resp.GetHeader().GetRevision(); i < 2 && got != rev {
				t.Errorf("the header says revision %d, what was read is of %d", got, rev)
			}
		})
	}
}

// The last answer of a range and the first of a key, or the other way round, must not be of two revisions.
func TestRetrySeesOneRevisionWhateverItReadsFirst(t *testing.T) {
	s := newSpace(t)
	s.put("a", "0")
	s.put("b", "0")
	both := func(value string) {
		s.run(func(tx *stm.Tx) error {
			tx.Put(s.name("a"), value)
			tx.Put(s.name("b"), value)
			return nil
		})
	}
	s.run(func(tx *stm.Tx) error {
		see := s.see(tx)
		if n := tx.Conflicts(); n < 3 {
			if n > 0 { // b first, which the lost try has not read, after another change
				both(fmt.Sprint(n, " late"))
				if b, a := see.value("b"), see.value("a"); a != b {
					t.Errorf("try %d: a=%q b=%q", n, a, b)
				}
			} else {
				see.value("a")
			}
			both(fmt.Sprint(n))
		}
		see.value("a")
		tx.Put(s.name("c"), "done")
		return nil
	})
	s.wantState("a=2 b=2 c=done")
}

func TestLevelsHaveNames(t *testing.T) {
	if got := fmt.Sprint(levels, stm.Isolation(9)); got != "[SerializableSnapshot Serializable RepeatableReads ReadCommitted] 9" {
		t.Error(got)
	}
}
