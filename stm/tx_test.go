// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/stm"
)

func TestTransactionWritesAllItHasPutAndDeletedAtOneRevision(t *testing.T) {
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.fill("a", "b", "c")
			resp := s.run(func(tx *stm.Tx) error {
				a := s.see(tx).value("a")
				tx.Put(s.name("z"), a+"!")
				tx.Put(s.name("a"), "first")
				tx.Put(s.name("a"), "last") // which counts
				tx.Put(s.name("b"), "not to stay")
				tx.Delete(s.name("b"))
				tx.Delete(s.name("c"))
				tx.Put(s.name("c"), "back")
				tx.Delete(s.name("nothing"))
				return nil
			}, stm.WithIsolation(level))
			s.wantState("a=last c=back z=a!")
			after, err := kv.Get(t.Context(), s.request("").WithPrefix())
			if err != nil {
				t.Fatal(err)
			}
			for _, pair := range after.GetKvs() {
				if pair.GetModRevision() != resp.GetHeader().GetRevision() {
					t.Errorf("%s is of revision %d, the response of %d", pair.GetKey(), pair.GetModRevision(), resp.GetHeader().GetRevision())
				}
			}
			answers := resp.GetResponses() // a, b, c, nothing, z
			if len(answers) != 5 || answers[0].GetResponsePut() == nil || answers[1].GetResponseDeleteRange().GetDeleted() != 1 ||
				answers[2].GetResponsePut() == nil || answers[3].GetResponseDeleteRange() == nil || answers[4].GetResponsePut() == nil {
				t.Errorf("the answers are not those to the writes in order of their keys: %v", answers)
			}
		})
	}
}

func TestTransactionSeesItsOwnWrites(t *testing.T) {
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			rev := s.put("a", "1")
			s.run(func(tx *stm.Tx) error {
				see := s.see(tx)
				tx.Put(s.name("a"), "2")
				tx.Put(s.name("new"), "3")
				if a, n := see.value("a"), see.value("new"); a != "2" || n != "3" {
					t.Errorf("after puts: a=%q new=%q", a, n)
				}
				if a, n := see.rev("a"), see.rev("new"); a != rev || n != 0 {
					t.Errorf("after puts: revisions %d and %d, want %d and 0", a, n, rev)
				}
				tx.Delete(s.name("a"))
				if a, r := see.value("a"), see.rev("a"); a != "" || r != 0 {
					t.Errorf("after a delete: %q of revision %d", a, r)
				}
				return nil
			}, stm.WithIsolation(level))
			s.wantState("new=3")
		})
	}
}

func TestMissingKeyIsEmptyAndOfRevisionZero(t *testing.T) {
	s := newSpace(t)
	rev := s.put("empty", "")
	s.run(func(tx *stm.Tx) error {
		see := s.see(tx)
		if v, r := see.value("missing"), see.rev("missing"); v != "" || r != 0 {
			t.Errorf("a missing key: %q of revision %d", v, r)
		}
		if v, r := see.value("empty"), see.rev("empty"); v != "" || r != rev {
			t.Errorf("an empty value: %q of revision %d, want %d", v, r, rev)
		}
		return nil
	})
}

func TestErrorOfTheFunctionIsReturnedUnchangedAndNothingIsWritten(t *testing.T) {
	s := newSpace(t)
	own := errors.New("not enough money")
	calls := 0
	resp, err := stm.Run(t.Context(), stm.New(registry), func(tx *stm.Tx) error {
		calls++
		s.see(tx).value("a")
		s.put("a", "changed meanwhile") // no reason to ask again
		tx.Put(s.name("b"), "1")
		return own
	})
	if err != own || resp != nil || calls != 1 {
		t.Errorf("%v, %v after %d calls, want the function's own error after one", resp, err, calls)
	}
	s.wantState("a=changed meanwhile")
}

func TestPanicOfTheFunctionReachesTheCallerAndNothingIsWritten(t *testing.T) {
	s := newSpace(t)
	var kept *stm.Tx
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				t.Errorf("recovered %v", p)
			}
		}()
		_, _ = stm.Run(t.Context(), stm.New(registry), func(tx *stm.Tx) error {
			kept = tx
			tx.Put(s.name("a"), "1")
			panic("boom")
		})
	}()
	wantEnded(t, kept)
	s.wantState("")
}

// A function that goes on after an error has decided on less than it asked for.
func TestErrorThatTheFunctionIgnoresEndsTheRun(t *testing.T) {
	s := newSpace(t)
	reads := map[string]func(*stm.Tx) error{
		"Get":   func(tx *stm.Tx) error { _, err := tx.Get(""); return err },
		"Rev":   func(tx *stm.Tx) error { _, err := tx.Rev(""); return err },
		"Range": func(tx *stm.Tx) error { _, err := tx.Range(kv.Key("")); return err },
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			var first, later error
			_, err := stm.Run(t.Context(), stm.New(registry), func(tx *stm.Tx) error {
				first = read(tx)
				_, later = tx.Get(s.name("a"))
				tx.Put(s.name("a"), "1")
				return nil
			})
			wantFailure(t, err, etcderr.Rejected, etcderr.ErrEmptyKey)
			if first == nil || err != first || later != first {
				t.Errorf("the read: %v; a later read: %v; the run: %v", first, later, err)
			}
		})
	}
	s.wantState("")
}

func wantEnded(t *testing.T, tx *stm.Tx) {
	t.Helper()
	tx.Put("ended", "1")
	tx.Delete("ended")
	_, err := tx.Get("a")
	wantFailure(t, err, etcderr.NotSent, stm.ErrEnded)
	_, err = tx.Rev("a")
	wantFailure(t, err, etcderr.NotSent, stm.ErrEnded)
	_, err = tx.Range(kv.Key("a"))
	wantFailure(t, err, etcderr.NotSent, stm.ErrEnded)
	if tx.Conflicts() != 0 {
		t.Errorf("%d conflicts", tx.Conflicts())
	}
}

func TestTransactionThatHasEndedReadsAndWritesNothing(t *testing.T) {
	s := newSpace(t)
	var kept *stm.Tx
	s.run(func(tx *stm.Tx) error {
		kept = tx
		tx.Put(s.name("a"), "1")
		return nil
	})
	wantEnded(t, kept)
	wantEnded(t, new(stm.Tx)) // which no run has made
	s.wantState("a=1")
}

func TestTransactionServesSeveralGoroutines(t *testing.T) {
	const n = 8
	s := newSpace(t)
	s.run(func(tx *stm.Tx) error {
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				see := s.see(tx)
				see.value("shared")
				see.rev(strconv.Itoa(i))
				see.pairs(s.all())
				tx.Put(s.name(strconv.Itoa(i)), "x")
			})
		}
		all.Wait()
		return nil
	})
	s.wantState("0=x 1=x 2=x 3=x 4=x 5=x 6=x 7=x")
}
