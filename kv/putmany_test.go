// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

// there counts the keys of the space.
func (s space) there() int {
	s.t.Helper()
	found, err := kv.Get(context.WithoutCancel(s.t.Context()), s.all().WithCountOnly())
	if err != nil {
		s.t.Fatal(err)
	}
	return int(found.GetCount())
}

func TestPutManyWritesEveryPairOnceWithItsLease(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	granted, err := lease.Grant(t.Context(), lease.New(registry), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	const n = 1000
	written, err := kv.PutMany(t.Context(), kv.New(registry).WithLease(granted.GetID()), pairsOf(s.names(0, n), "v"))
	if err != nil || written.Pairs != n || written.Revisions != (n+127)/128 {
		t.Fatalf("%+v, %v", written, err)
	}
	newest, i := int64(0), 0
	for pair, err := range kv.All(t.Context(), s.all()) {
		if err != nil {
			t.Fatal(err)
		}
		s.numbered(pair.GetKey(), i)
		if pair.GetVersion() != 1 || string(pair.GetValue()) != "v" || pair.GetLease() != granted.GetID() {
			t.Fatalf("key %d is %v", i, pair)
		}
		newest = max(newest, pair.GetModRevision())
		i++
	}
	if i != n || newest != written.Rev {
		t.Errorf("%d keys, the last one of revision %d; want %d, %d", i, newest, n, written.Rev)
	}
}

func TestPutManyOfNoPairsIsNoError(t *testing.T) {
	written, err := kv.PutMany(t.Context(), kv.New(registry), maps.All(map[string]string{}))
	if err != nil || *written != (kv.Written{}) {
		t.Errorf("%+v, %v", written, err)
	}
}

// TestPutManyKeepsTheOrderOfTheValuesOfAKey writes one key often, among others, and reads its history.
func TestPutManyKeepsTheOrderOfTheValuesOfAKey(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	const n = 1000
	written, err := kv.PutMany(t.Context(), kv.New(registry), func(yield func(string, string) bool) {
		for i := range n {
			for range i % 3 {
				if !yield(s.prefix+fmt.Sprintf("other%d-%d", i, i%7), "") {
					return
				}
			}
			if !yield(s.prefix+"often", strconv.Itoa(i)) {
				return
			}
		}
	})
	if err != nil || written.Pairs < n || written.Revisions < n {
		t.Fatalf("%+v, %v", written, err)
	}
	rev := written.Rev
	for i := n - 1; i >= 0; i-- {
		found, err := kv.Get(t.Context(), s.key("often").WithRev(rev))
		if err != nil {
			t.Fatal(err)
		}
		pair := found.GetKvs()[0]
		if string(pair.GetValue()) != strconv.Itoa(i) || pair.GetVersion() != int64(i+1) {
			t.Fatalf("version %d has the value %s, want %d", pair.GetVersion(), pair.GetValue(), i)
		}
		rev = pair.GetModRevision() - 1
	}
}

func TestPutManyWritesLargeValuesAndNamesTheOneThatIsTooLarge(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	large, small := strings.Repeat("x", 1_400_000), strings.Repeat("y", 300_000)
	values := []string{"a", large, "b", large, small, small, small, small, large, "c"}
	c := kv.New(registry).WithTimeout(30 * time.Second)
	written, err := kv.PutMany(t.Context(), c, s.numberedPairs(slices.Values(values)))
	if err != nil || written.Pairs != len(values) {
		t.Fatalf("%+v, %v", written, err)
	}
	for i, pair := range s.get(s.all()) {
		if pair.value != values[i] {
			t.Errorf("value %d has %d bytes, want %d", i, len(pair.value), len(values[i]))
		}
	}
	s.clear()
	values[4] = strings.Repeat("x", 3_000_000)
	_, err = kv.PutMany(t.Context(), c, s.numberedPairs(slices.Values(values)))
	wantFailure(t, err, etcderr.Unknown, etcderr.ErrRequestTooLarge)
	var partial *kv.PartialError
	if !errors.As(err, &partial) || partial.Written != 4 || partial.Written+partial.Unknown < s.there() {
		t.Errorf("%d keys are there: %v", s.there(), err)
	}
}

// numberedPairs gives each value the next key.
func (s space) numberedPairs(values iter.Seq[string]) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		i := 0
		for value := range values {
			if !yield(s.prefix+fmt.Sprintf("%06d", i), value) {
				return
			}
			i++
		}
	}
}

func endless(yield func(string) bool) {
	for yield("v") {
	}
}

func TestPutManyOfAnUnknownLeaseWritesNothing(t *testing.T) {
	s := newSpace(t)
	_, err := kv.PutMany(t.Context(), kv.New(registry).WithLease(4242), s.numberedPairs(endless))
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrLeaseNotFound)
	var partial *kv.PartialError
	if !errors.As(err, &partial) || partial.Written != 0 || partial.Unknown != 0 || partial.NotWritten == 0 || s.there() != 0 {
		t.Errorf("%d keys are there: %v", s.there(), err)
	}
}

func TestPutManyStopsWithItsContext(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	parent, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	taken := 0
	_, err := kv.PutMany(parent, kv.New(registry), func(yield func(string, string) bool) {
		for key, value := range s.numberedPairs(endless) {
			if taken++; taken == 3000 {
				cancel(reason)
			}
			if !yield(key, value) {
				return
			}
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	var partial *kv.PartialError
	if !errors.As(err, &partial) || taken != 3000 || partial.Written+partial.Unknown+partial.NotWritten != taken {
		t.Fatalf("%v after %d pairs", err, taken)
	}
	if n := s.there(); n < partial.Written || n > partial.Written+partial.Unknown {
		t.Errorf("%d keys are there: %v", n, err)
	}
}

func TestPutManyEndsAtAnEmptyKeyAfterThePairsBefore(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	keys := append(s.names(0, 200), "", s.prefix+"later")
	_, err := kv.PutMany(t.Context(), kv.New(registry), pairsOf(keys, "v"))
	wantPartial(t, err, 200, 0, 1)
	wantFailure(t, err, etcderr.Unknown, kv.ErrInvalid)
	if n := s.there(); n != 200 {
		t.Errorf("%d keys are there", n)
	}
	_, err = kv.PutMany(t.Context(), kv.New(registry), pairsOf([]string{""}, "v"))
	wantPartial(t, err, 0, 0, 1)
	wantFailure(t, err, etcderr.NotSent, kv.ErrInvalid)
}

func TestPutManyRefusesWhatItDoesNotTakeBeforeTheFirstPair(t *testing.T) {
	base := kv.New(registry)
	none := func(func(string, string) bool) { t.Error("a pair was taken") }
	for want, c := range map[string]kv.Request{
		"ctx: WithKey does not apply to a put of many pairs":         base.WithKey("k"),
		"ctx: WithValue does not apply to a put of many pairs":       base.WithValue("v"),
		"ctx: WithPrevKV does not apply to a put of many pairs":      base.WithPrevKV(),
		"ctx: WithIgnoreLease does not apply to a put of many pairs": base.WithIgnoreLease(),
		"ctx: WithTimeout(5ns) is below 1ms in a put of many pairs":  base.WithTimeout(5),
	} {
		_, err := kv.PutMany(t.Context(), c, none)
		wantFailure(t, err, etcderr.NotSent, kv.ErrInvalid)
		if err != nil && err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := kv.PutMany(t.Context(), base, nil)
	wantFailure(t, err, etcderr.NotSent, kv.ErrInvalid)
	var noContext context.Context
	_, err = kv.PutMany(noContext, base, none)
	wantFailure(t, err, etcderr.NotSent, kv.ErrInvalid)
	_, err = kv.PutMany(t.Context(), kv.New("nobody"), none)
	wantFailure(t, err, etcderr.NotSent, conn.ErrNotOpen)
}

func TestPutManyPassesAPanicOfTheSequence(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	defer func() {
		if p := recover(); p != "of the sequence" {
			t.Errorf("recovered %v", p)
		}
		if n := s.there(); n != 256 {
			t.Errorf("%d keys are there, want those of 2 transactions", n)
		}
	}()
	_, _ = kv.PutMany(t.Context(), kv.New(registry), func(yield func(string, string) bool) {
		for _, key := range s.names(0, 300) {
			yield(key, "v")
		}
		panic("of the sequence")
	})
	t.Error("there was no panic")
}
