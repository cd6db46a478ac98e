// SPDX-License-Identifier: Apache-2.0

package typed_test

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

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/typed"
)

func increment(n int, _ bool) (int, error) { return n + 1, nil }

func TestUpdateCreatesAndChangesAKey(t *testing.T) {
	c := base(t)
	s := numbers(c)
	for n := range 3 {
		got, err := s.Update(t.Context(), "a", func(old int, there bool) (int, error) {
			if old != n || there != (n > 0) {
				t.Errorf("update %d of %d, there: %t", n, old, there)
			}
			return old + 1, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want, err := s.Get(t.Context(), "a"); got != want || err != nil || got.Version != int64(n+1) {
			t.Errorf("%+v is returned, and %+v is there: %v", got, want, err)
		}
	}
}

func TestErrorOfTheFunctionEndsTheUpdateWithNothingWritten(t *testing.T) {
	c := base(t)
	put(t, c, "a", "1")
	enough := errors.New("enough")
	entry, err := numbers(c).Update(t.Context(), "a", func(int, bool) (int, error) { return 2, enough })
	if err != enough || entry != (typed.Entry[int]{}) {
		t.Errorf("%+v, %v, want the error as it is", entry, err)
	}
	wantValue(t, c, "a", "1")
}

func TestPanicOfTheFunctionReachesTheCallerAndNothingIsWritten(t *testing.T) {
	c := base(t)
	put(t, c, "a", "1")
	func() {
		defer func() {
			if said := recover(); said != "enough" {
				t.Errorf("panic %v, want that of the function", said)
			}
		}()
		_, _ = numbers(c).Update(t.Context(), "a", func(int, bool) (int, error) { panic("enough") })
	}()
	wantValue(t, c, "a", "1")
}

func TestUpdateOfAValueThatDoesNotDecodeWritesNothing(t *testing.T) {
	c := base(t)
	put(t, c, "a", "one")
	_, err := numbers(c).Update(t.Context(), "a", func(int, bool) (int, error) {
		t.Error("the function was called")
		return 0, nil
	})
	wantCodecError(t, err, t.Name()+"/a")
	wantValue(t, c, "a", "one")
}

func TestOvertakenUpdateBeginsAnotherRoundWithTheNewerValue(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, c typed.Request){
		"changed":                    func(t *testing.T, c typed.Request) { put(t, c, "a", "10") },
		"changed to the same value":  func(t *testing.T, c typed.Request) { put(t, c, "a", "1") },
		"deleted":                    func(t *testing.T, c typed.Request) { remove(t, c, "a") },
		"deleted and created anew":   func(t *testing.T, c typed.Request) { remove(t, c, "a"); put(t, c, "a", "1") },
		"created where it was not":   func(t *testing.T, c typed.Request) { put(t, c, "b", "10") },
		"to a value that is no int":  func(t *testing.T, c typed.Request) { put(t, c, "a", "ten") },
		"another key of the store":   func(t *testing.T, c typed.Request) { put(t, c, "c", "10") },
		"the key of another program": func(t *testing.T, c typed.Request) { put(t, c, "", "10") },
	} {
		t.Run(name, func(t *testing.T) {
			c := base(t)
			put(t, c, "a", "1")
			key := "a"
			if strings.HasPrefix(name, "created") {
				key = "b"
			}
			var seen []string
			entry, err := numbers(c).Update(t.Context(), key, func(old int, there bool) (int, error) {
				if seen = append(seen, fmt.Sprint(old, there)); len(seen) == 1 {
					change(t, c)
				}
				return old + 1, nil
			})
			want := map[string]string{
				"changed":                   "[1 true 10 true] 11",
				"changed to the same value": "[1 true 1 true] 2",
				"deleted":                   "[1 true 0 false] 1",
				"deleted and created anew":  "[1 true 1 true] 2",
				"created where it was not":  "[0 false 10 true] 11",
				"to a value that is no int": "[1 true] 0",
			}[name]
			if want == "" {
				want = "[1 true] 2"
			}
			if got := fmt.Sprint(seen, entry.Value); got != want || (err != nil) != strings.Contains(name, "no int") {
				t.Errorf("rounds with %s: %v, want %s", got, err, want)
			}
		})
	}
}

func TestSecondRoundNeedsNoReadOfItsOwn(t *testing.T) {
	c := base(t)
	put(t, c, "a", "1")
	var gets atomic.Int32
	own := c.WithConn(meddler(t, func(r request) error {
		if r.method == "Range" {
			gets.Add(1)
		}
		return r.send()
	}))
	rounds := 0
	_, err := numbers(own).Update(t.Context(), "a", func(old int, _ bool) (int, error) {
		if rounds++; rounds == 1 {
			put(t, c, "a", "5")
		}
		return old + 1, nil
	})
	if err != nil || gets.Load() != 1 || rounds != 2 {
		t.Errorf("%d reads, %d rounds, %v", gets.Load(), rounds, err)
	}
	wantValue(t, c, "a", "6")
}

func TestUpdateThatIsOvertakenUntilItsTimeIsUpIsAConflict(t *testing.T) {
	c := base(t)
	var rounds atomic.Int32
	own := c.WithConn(meddler(t, func(r request) error {
		if r.method == "Range" && rounds.Load() == 3 {
			<-r.timeUp // and so not within a write, which might have been applied
		}
		return r.send()
	}))
	_, err := numbers(own.WithTimeout(2*time.Second)).Update(t.Context(), "a", func(old int, _ bool) (int, error) {
		put(t, c, "a", strconv.Itoa(100*int(rounds.Add(1))))
		return old + 1, nil
	})
	if !errors.Is(err, typed.ErrConflict) {
		t.Errorf("%v is no conflict", err)
	}
	if wantFailure(t, err, etcderr.Rejected, context.DeadlineExceeded); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("%v: %v", status.Code(err), err)
	}
	if n := rounds.Load(); n != 3 {
		t.Errorf("%d rounds: %v", n, err)
	}
	wantValue(t, c, "a", "300")
}

// endless is a context of the program's own that has a deadline and does not end.
type endless struct {
	context.Context
	deadline time.Time
}

func (e endless) Deadline() (time.Time, bool) { return e.deadline, true }

func TestUpdateEndsByTheDeadlineOfAContextThatDoesNotEnd(t *testing.T) {
	c := base(t)
	parent := endless{t.Context(), time.Now().Add(time.Second)}
	_, err := numbers(c).Update(parent, "a", func(old int, _ bool) (int, error) {
		put(t, c, "a", strconv.Itoa(old+100))
		time.Sleep(20 * time.Millisecond)
		return old + 1, nil
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the deadline", err)
	}
}

func TestUpdateEndsWithItsContextAndWritesNothing(t *testing.T) {
	c := base(t)
	stop := errors.New("shutting down")
	parent, cancel := context.WithCancelCause(t.Context())
	_, err := numbers(c).Update(parent, "a", func(int, bool) (int, error) { cancel(stop); return 1, nil })
	wantFailure(t, err, etcderr.NotSent, context.Canceled, stop)
	if got := get(t, c, "a"); got != nil {
		t.Errorf("%v is there", got)
	}
}

func TestFailureOfTheReadLeavesNoDoubt(t *testing.T) {
	c := base(t)
	own := c.WithConn(meddler(t, func(r request) error {
		if r.method == "Range" {
			return r.lose()
		}
		return r.send()
	}))
	_, err := numbers(own.WithTimeout(300*time.Millisecond)).Update(t.Context(), "a", increment)
	var failed *etcderr.Error
	if !errors.As(err, &failed) || failed.Outcome() != etcderr.Unknown {
		t.Errorf("%v is not of a read with an unknown outcome", err)
	}
	wantFailure(t, err, etcderr.NotSent)
}

func TestNoUpdateIsLostAmongManyWriters(t *testing.T) {
	c := base(t)
	s := numbers(c.WithTimeout(2 * time.Minute))
	const writers, each = 32, 10
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[int]bool{}
	for range writers {
		all.Go(func() {
			for range each {
				entry, err := s.Update(t.Context(), "n", increment)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[entry.Value] || entry.Version != int64(entry.Value) {
					t.Errorf("%+v: the value was returned before, or is not the number of writes", entry)
				}
				seen[entry.Value] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	wantValue(t, c, "n", strconv.Itoa(writers*each))
}
