// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/stm"
)

// disturbed is a function whose every try is lost, and counts them.
func (s space) disturbed(tries *int) func(*stm.Tx) error {
	return func(tx *stm.Tx) error {
		if got := tx.Conflicts(); got != *tries {
			s.t.Errorf("%d conflicts in try %d", got, *tries)
		}
		*tries++
		s.see(tx).value("a")
		s.put("a", strconv.Itoa(*tries))
		tx.Put(s.name("b"), "1")
		return nil
	}
}

func TestNumberOfRetriesIsBounded(t *testing.T) {
	for retries := range 4 {
		s := newSpace(t)
		tries := 0
		resp, err := stm.Run(t.Context(), stm.New(registry), s.disturbed(&tries), stm.WithMaxRetries(retries))
		wantFailure(t, err, etcderr.Rejected, stm.ErrConflict)
		if resp != nil || tries != retries+1 {
			t.Errorf("%v after %d tries, want %d", resp, tries, retries+1)
		}
		if want := fmt.Sprintf("in %d tries", tries); err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %s", err, want)
		}
		s.wantState("a=" + strconv.Itoa(tries))
	}
}

func TestRetriesGoOnToTheDeadline(t *testing.T) {
	ends := map[string]struct {
		parent func() (context.Context, context.CancelFunc)
		c      ctx.Ctx
		want   error
	}{
		"WithTimeout": {
			func() (context.Context, context.CancelFunc) { return t.Context(), func() {} },
			stm.New(registry).WithTimeout(300 * time.Millisecond), context.DeadlineExceeded,
		},
		"the parent's deadline": {
			func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 300*time.Millisecond)
			},
			stm.New(registry), context.DeadlineExceeded,
		},
		"the parent's deadline before WithTimeout": {
			func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 300*time.Millisecond)
			},
			stm.New(registry).WithTimeout(time.Hour), context.DeadlineExceeded,
		},
		"the parent is cancelled": {
			func() (context.Context, context.CancelFunc) {
				parent, cancel := context.WithCancel(t.Context())
				timer := time.AfterFunc(300*time.Millisecond, cancel)
				return parent, func() { timer.Stop(); cancel() }
			},
			stm.New(registry).WithTimeout(time.Hour), context.Canceled,
		},
	}
	for name, tt := range ends {
		t.Run(name, func(t *testing.T) {
			s := newSpace(t)
			parent, cancel := tt.parent()
			defer cancel()
			tries := 0
			start := time.Now()
			_, err := stm.Run(parent, tt.c, s.disturbed(&tries))
			if took := time.Since(start); took < 250*time.Millisecond || took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("%v is not %v", err, tt.want)
			}
			if tries < 3 || tries > 20 {
				t.Errorf("%d tries with pauses from 5 ms on, doubling", tries)
			}
		})
	}
}

func TestRunThatEndsInAPauseSaysThatItWasForConflicts(t *testing.T) {
	s := newSpace(t)
	parent, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why := errors.New("the lights went out")
	sent := observe(t)
	lost := 0
	sent.answered = func(method string) {
		if method == "Txn" {
			if lost++; lost == 4 {
				cancel(why)
			}
		}
	}
	tries := 0
	_, err := stm.Run(parent, stm.New(sent.name), func(tx *stm.Tx) error {
		tries++
		s.see(tx).value("a")
		s.put("a", strconv.Itoa(tries))
		tx.Put(s.name("b"), "1")
		return nil
	})
	wantFailure(t, err, etcderr.Rejected, stm.ErrConflict, context.Canceled, why)
	s.wantState("a=" + strconv.Itoa(tries))
}

func TestRunWithoutADeadlineEndsAfterTheDefaultTimeout(t *testing.T) {
	s := newSpace(t)
	tries := 0
	start := time.Now()
	_, err := stm.Run(context.Background(), stm.New(registry), s.disturbed(&tries))
	if took := time.Since(start); took < 4900*time.Millisecond || took > 7*time.Second {
		t.Errorf("took %v, want 5s", took)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not a deadline", err)
	}
}

func TestNoIncrementIsLostAmongMany(t *testing.T) {
	const workers, each = 16, 10
	for _, level := range levels[:3] {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			var conflicts atomic.Int64
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for range each {
						_, err := stm.Run(t.Context(), stm.New(registry).WithTimeout(time.Minute), func(tx *stm.Tx) error {
							if tx.Conflicts() > 0 {
								conflicts.Add(1)
							}
							n, _ := strconv.Atoi(s.see(tx).value("n"))
							tx.Put(s.name("n"), strconv.Itoa(n+1))
							return nil
						}, stm.WithIsolation(level))
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			s.wantState("n=" + strconv.Itoa(workers*each))
			t.Logf("%d conflicts in %d transactions", conflicts.Load(), workers*each)
			if conflicts.Load() == 0 {
				t.Error("no conflict: this shows nothing")
			}
		})
	}
}

// compact returns when every member has compacted.
func (s space) compact(rev int64) {
	s.t.Helper()
	if _, err := kv.Compact(s.t.Context(), stm.New(registry).WithRev(rev)); err != nil {
		s.t.Fatal(err)
	}
	for _, endpoint := range cluster.Endpoints() { // a member that answers the majority's newest has done all before that
		if _, err := kv.Get(s.t.Context(), s.request("a").WithEndpoint(endpoint)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// The revision that a try reads may be compacted away under it.
func TestRunTriesAgainWhenItsSnapshotIsCompacted(t *testing.T) {
	s := newSpace(t)
	compacted := func(opts ...stm.Option) (values []string, err error) {
		s.put("a", "1")
		s.put("b", "1")
		_, err = stm.Run(t.Context(), stm.New(registry), func(tx *stm.Tx) error {
			s.see(tx).value("a")
			if tx.Conflicts() == 0 {
				s.compact(s.put("b", "2"))
			}
			b, err := tx.Get(s.name("b"))
			values = append(values, b)
			if err != nil {
				return errors.New("what fn makes of it does not matter")
			}
			return nil
		}, opts...)
		return values, err
	}
	if values, err := compacted(); err != nil || len(values) != 2 || values[1] != "2" {
		t.Errorf("read %q, %v", values, err)
	}
	_, err := compacted(stm.WithMaxRetries(0))
	wantFailure(t, err, etcderr.Rejected, stm.ErrConflict, etcderr.ErrCompacted)
	if values, err := compacted(stm.WithIsolation(stm.ReadCommitted)); err != nil || len(values) != 1 {
		t.Errorf("a level that reads the newest: read %q, %v", values, err)
	}
}

func TestPrefetchReadsAllInOneRequest(t *testing.T) {
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.fill("a", "b")
			sent := observe(t)
			_, err := stm.Run(t.Context(), stm.New(sent.name), func(tx *stm.Tx) error {
				see := s.see(tx)
				if got := see.value("a") + see.value("b") + see.value("c"); got != "ab" {
					t.Errorf("got %q", got)
				}
				tx.Put(s.name("d"), "d")
				return nil
			}, stm.WithIsolation(level), stm.WithPrefetch(s.names("a", "b")...), stm.WithPrefetch(s.names("b", "c")...))
			if err != nil {
				t.Error(err)
			}
			sent.want(t, "Txn", "Txn")
		})
	}
}

func TestPrefetchedKeyThatIsNotReadIsNoConflict(t *testing.T) {
	s := newSpace(t)
	s.fill("a", "b")
	conflicts := 0
	s.run(func(tx *stm.Tx) error {
		s.see(tx).value("a")
		if conflicts = tx.Conflicts(); conflicts == 0 {
			s.put("b", "2")
		}
		tx.Put(s.name("c"), "c")
		return nil
	}, stm.WithPrefetch(s.names("a", "b")...))
	if conflicts > 0 {
		t.Errorf("%d conflicts", conflicts)
	}
}

func TestPrefetchSetsTheRevisionOfTheSnapshot(t *testing.T) {
	s := newSpace(t)
	s.fill("a", "b")
	s.run(func(tx *stm.Tx) error {
		s.put("b", "2")
		if b := s.see(tx).value("b"); b != "b" {
			t.Errorf("b=%q is newer than what was prefetched", b)
		}
		return nil
	}, stm.WithPrefetch(s.name("a")))
}

func TestPrefetchCopiesItsKeys(t *testing.T) {
	s := newSpace(t)
	s.fill("a")
	sent := observe(t)
	keys := s.names("a")
	option := stm.WithPrefetch(keys...)
	keys[0] = ""
	for range 2 {
		_, err := stm.Run(t.Context(), stm.New(sent.name), func(tx *stm.Tx) error {
			_, err := tx.Get(s.name("a"))
			return err
		}, option)
		if err != nil {
			t.Error(err)
		}
		sent.want(t, "Txn")
	}
}

// A lost transaction brings back what the next try reads; after a pause all of that is read again in one request.
func TestRetryReadsInOneRequestWhatTheTryBeforeHasRead(t *testing.T) {
	for _, level := range levels[:3] {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.fill("a", "b", "r/1")
			sent := observe(t)
			_, err := stm.Run(t.Context(), stm.New(sent.name), func(tx *stm.Tx) error {
				see := s.see(tx)
				n := tx.Conflicts()
				got := see.value("a") + see.value("b") + see.pairs(s.key("r/").WithPrefix())
				if want := []string{"abr/1=r/1", "xbr/1=r/1", "xyr/1=r/1"}[n]; got != want {
					t.Errorf("try %d read %q, want %q", n, got, want)
				}
				switch n {
				case 0:
					sent.want(t, "Range", "Range", "Range")
					s.put("a", "x")
				case 1:
					sent.want(t, "Txn")
					s.put("b", "y")
				case 2:
					sent.want(t, "Txn", "Txn")
				}
				tx.Put(s.name("done"), "1")
				return nil
			}, stm.WithIsolation(level))
			if err != nil {
				t.Error(err)
			}
			sent.want(t, "Txn")
			s.wantState("a=x b=y done=1 r/1=r/1")
		})
	}
}

func TestTransactionThatOnlyReadsIsCommittedOnlyWhereItReadSeveralRevisions(t *testing.T) {
	for i, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.fill("a", "b")
			sent := observe(t)
			resp, err := stm.Run(t.Context(), stm.New(sent.name), func(tx *stm.Tx) error {
				s.see(tx).value("a")
				s.see(tx).value("b")
				return nil
			}, stm.WithIsolation(level))
			if err != nil || !resp.GetSucceeded() || resp.GetHeader().GetRevision() == 0 || len(resp.GetResponses()) > 0 {
				t.Errorf("%v, %v", resp, err)
			}
			want := []string{"Range", "Range"}
			if i == 2 {
				want = append(want, "Txn")
			}
			sent.want(t, want...)
		})
	}
}

func TestTransactionThatDoesNothingSendsNothing(t *testing.T) {
	sent := observe(t)
	resp, err := stm.Run(t.Context(), stm.New(sent.name), func(*stm.Tx) error { return nil })
	if err != nil || !resp.GetSucceeded() || resp.Header == nil || resp.Header.Revision != 0 {
		t.Errorf("%v, %v", resp, err)
	}
	sent.want(t)
}
