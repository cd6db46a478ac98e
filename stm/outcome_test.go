// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/stm"
)

func open(t *testing.T, endpoints ...string) ctx.Ctx {
	t.Helper()
	return stm.New(onecluster.Open(t, "", endpoints).Name())
}

const patience = 300 * time.Millisecond

// A member that has stopped may have the transaction in its sockets, and carries it out when it goes on.
func TestTransactionThatMayHaveBeenAppliedIsMarkedAndNotSentAgain(t *testing.T) {
	alone := etcdtest.Start(t)
	c := open(t, alone.Endpoints()...)
	tries := 0
	_, err := stm.Run(t.Context(), c.WithTimeout(patience), func(tx *stm.Tx) error {
		tries++
		rev, err := tx.Rev("n")
		tx.Put("n", fmt.Sprint("put at revision ", rev))
		alone.Member(0).Pause()
		return err
	})
	alone.Member(0).Resume()
	wantFailure(t, err, etcderr.Unknown, context.DeadlineExceeded)
	if tries != 1 || errors.Is(err, stm.ErrConflict) {
		t.Errorf("%d tries, %v", tries, err)
	}
	resp, err := kv.Get(t.Context(), c.WithKey("n"))
	if err != nil || resp.GetCount() > 0 && resp.GetKvs()[0].GetVersion() != 1 {
		t.Errorf("%v, %v", resp, err)
	}
}

// The read may have been carried out or not; the run certainly was not.
func TestRunThatFailsInAReadHasWrittenNothing(t *testing.T) {
	alone := etcdtest.Start(t)
	c := open(t, alone.Endpoints()...)
	pause := func() { alone.Member(0).Pause() }
	for name, fn := range map[string]func(*stm.Tx) error{
		"Get":   func(tx *stm.Tx) error { pause(); _, err := tx.Get("a"); return err },
		"Rev":   func(tx *stm.Tx) error { pause(); _, err := tx.Rev("a"); return err },
		"Range": func(tx *stm.Tx) error { pause(); _, err := tx.Range(kv.Key("a").WithPrefix()); return err },
		"the guards of a transaction that only read": func(tx *stm.Tx) error { _, err := tx.Get("a"); pause(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			defer alone.Member(0).Resume()
			_, err := stm.Run(t.Context(), c.WithTimeout(patience), fn, stm.WithIsolation(stm.RepeatableReads))
			var e *etcderr.Error
			if !errors.As(err, &e) || e.Outcome() != etcderr.Unknown {
				t.Errorf("%v is not of a call with an unknown outcome", err)
			}
			wantFailure(t, err, etcderr.NotSent, context.DeadlineExceeded)
		})
	}
	t.Run("prefetch", func(t *testing.T) {
		alone.Member(0).Pause()
		defer alone.Member(0).Resume()
		_, err := stm.Run(t.Context(), c.WithTimeout(patience), never(t), stm.WithPrefetch("a"))
		wantFailure(t, err, etcderr.NotSent, context.DeadlineExceeded)
	})
}

// A member that has lost the others knows only what was before, and must not have a word in what is true now.
func TestMemberThatIsCutOffCannotConfirmWhatItKnew(t *testing.T) {
	three := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	leader := three.Leader()
	lost := three.Member(0)
	if lost == leader {
		lost = three.Member(1)
	}
	c, others := open(t, three.Endpoints()...), open(t, leader.Endpoint())
	put := func(key, value string) {
		t.Helper()
		if _, err := kv.Put(t.Context(), others.WithKey(key).WithValue(value)); err != nil {
			t.Fatal(err)
		}
	}
	put("a", "1")
	put("b", "1")
	_, err := stm.Run(t.Context(), c.WithEndpoint(lost.Endpoint()).WithTimeout(2*time.Second), func(tx *stm.Tx) error {
		for _, key := range []string{"a", "b"} {
			if _, err := tx.Get(key); err != nil {
				return err
			}
		}
		three.Partition(lost)
		put("a", "2")
		return nil
	}, stm.WithIsolation(stm.RepeatableReads))
	wantFailure(t, err, etcderr.NotSent)
}

// A member that is behind does not have the revision of the snapshot yet.
func TestSnapshotIsReadFromAnyMemberThatHasIt(t *testing.T) {
	three := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	leader := three.Leader()
	lost := three.Member(0)
	if lost == leader {
		lost = three.Member(1)
	}
	sent := observeOn(t, three)
	others := open(t, leader.Endpoint())
	three.Partition(lost)
	for i := range 6 {
		if _, err := kv.Put(t.Context(), others.WithKey(fmt.Sprint(i)).WithValue("x")); err != nil {
			t.Fatal(err)
		}
	}
	for turn := uint64(0); turn != lost.ID(); { // so that it is not asked for the first read, which it could not answer
		r, err := kv.Get(t.Context(), stm.New(sent.name).WithKey("a").WithSerializable())
		if err != nil {
			t.Fatal(err)
		}
		turn = r.GetHeader().GetMemberId()
	}
	_, err := stm.Run(t.Context(), stm.New(sent.name).WithTimeout(20*time.Second), func(tx *stm.Tx) error {
		for i := range 6 { // every member's turn comes twice
			if value, err := tx.Get(fmt.Sprint(i)); err != nil || value != "x" {
				t.Errorf("key %d: %q, %v", i, value, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	behind := 0
	for _, err := range sent.failed {
		if status.Code(err) == codes.OutOfRange {
			behind++
		}
	}
	if behind == 0 {
		t.Errorf("no member was behind: %v", sent.failed)
	}
}

func TestTransactionOverTheServersLimitSaysByHowMuch(t *testing.T) {
	s := newSpace(t)
	key := func(i int) string { return s.name(fmt.Sprintf("%03d", i)) }
	tests := []struct {
		name          string
		reads, writes int
		ranged        bool // the reads are one range
		level         stm.Isolation
		guards        int
		fits          bool
	}{
		{"as many writes as there may be", 0, 128, false, stm.SerializableSnapshot, 0, true},
		{"one write more", 0, 129, false, stm.SerializableSnapshot, 0, false},
		{"as many reads as there may be", 128, 1, false, stm.SerializableSnapshot, 128, true},
		{"one read more", 129, 1, false, stm.SerializableSnapshot, 129, false},
		{"one read more that is not guarded", 129, 1, false, stm.ReadCommitted, 0, true},
		{"as many keys of a range as there may be", 127, 1, true, stm.SerializableSnapshot, 128, true},
		{"one key of a range more", 128, 1, true, stm.SerializableSnapshot, 129, false},
		{"reads only", 300, 0, true, stm.SerializableSnapshot, 301, true},
		{"reads only, of several revisions", 129, 0, false, stm.RepeatableReads, 129, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for from := 0; from < 300; from += 100 { // so that there is something to read
				s.run(func(tx *stm.Tx) error {
					for i := from; i < from+100; i++ {
						if i < tt.reads {
							tx.Put(key(i), "x")
						} else {
							tx.Delete(key(i))
						}
					}
					return nil
				})
			}
			_, err := stm.Run(t.Context(), stm.New(registry).WithTimeout(30*time.Second), func(tx *stm.Tx) error {
				if tt.ranged {
					s.see(tx).pairs(s.all())
				} else {
					for i := range tt.reads {
						_, _ = tx.Get(key(i))
					}
				}
				for i := range tt.writes {
					tx.Put(key(i), "y")
				}
				return nil
			}, stm.WithIsolation(tt.level))
			if tt.fits {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantFailure(t, err, etcderr.Rejected, etcderr.ErrTooManyOps)
			if want := fmt.Sprintf("%d guards", tt.guards); err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %s", err, want)
			}
		})
	}
}
