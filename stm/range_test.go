// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/stm"
)

func TestRangeHasTheKeysOfItsExtentInTheirOrder(t *testing.T) {
	s := newSpace(t)
	s.fill("c", "a", "b/1", "b/2", "d")
	tests := []struct {
		c    ctx.Ctx
		want string
	}{
		{s.all(), "a=a b/1=b/1 b/2=b/2 c=c d=d"},
		{s.request("b/").WithPrefix(), "b/1=b/1 b/2=b/2"}, // the connection of the transaction may be named
		{s.key("b/2").WithRangeEnd(s.name("d")), "b/2=b/2 c=c"},
		{s.key("c").WithFromKey().WithLimit(2), "c=c d=d"}, // those of other tests come after
		{s.key("a"), "a=a"},
		{s.key("a").WithLimit(5), "a=a"},
		{s.key("z"), ""},
		{s.key("z").WithPrefix(), ""},
		{s.key("d").WithRangeEnd(s.name("a")), ""},
		{s.all().WithLimit(2), "a=a b/1=b/1"},
		{s.all().WithLimit(9), "a=a b/1=b/1 b/2=b/2 c=c d=d"},
		{s.all().WithLimit(0), "a=a b/1=b/1 b/2=b/2 c=c d=d"},
		{s.key("").WithFirstKey(), "a=a"},
	}
	for _, tt := range tests {
		t.Run(tt.c.String(), func(t *testing.T) {
			s.run(func(tx *stm.Tx) error {
				if got := s.see(tx).pairs(tt.c); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				return nil
			})
		})
	}
}

func TestRangeOfAllKeysHasNoEnd(t *testing.T) {
	s := newSpace(t)
	s.fill("a")
	enough := errors.New("enough")
	for _, c := range []ctx.Ctx{ctx.Ctx{}.WithPrefix(), ctx.Ctx{}.WithFromKey(), kv.Key("\xff").WithPrefix()} {
		_, err := stm.Run(t.Context(), stm.New(registry), func(tx *stm.Tx) error {
			tx.Put("\xff\xff", "the last key")
			pairs, err := tx.Range(c)
			if err != nil || len(pairs) == 0 || string(pairs[len(pairs)-1].GetKey()) != "\xff\xff" {
				t.Errorf("%v: %d pairs, without the last key; %v", c, len(pairs), err)
			}
			return enough // the keys of all tests are more than a transaction may guard
		})
		if err != enough {
			t.Error(err)
		}
	}
}

func TestRangeShowsTheTransactionsOwnWrites(t *testing.T) {
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.fill("a", "b", "c", "d")
			s.run(func(tx *stm.Tx) error {
				see := s.see(tx)
				tx.Delete(s.name("a"))
				tx.Put(s.name("b"), "mine")
				tx.Put(s.name("bb"), "mine")
				tx.Put(s.name("z"), "mine")
				for _, tt := range []struct {
					c    ctx.Ctx
					want string
				}{
					{s.all(), "b=mine bb=mine c=c d=d z=mine"},
					{s.all().WithLimit(1), "b=mine"},
					{s.all().WithLimit(3), "b=mine bb=mine c=c"},
					{s.all().WithLimit(4), "b=mine bb=mine c=c d=d"},
					{s.all().WithLimit(5), "b=mine bb=mine c=c d=d z=mine"},
					{s.key("").WithFirstKey(), "b=mine"},
					{s.key("a"), ""},
					{s.key("z"), "z=mine"},
					{s.key("a").WithRangeEnd(s.name("b")), ""},
				} {
					if got := see.pairs(tt.c); got != tt.want {
						t.Errorf("%v: got %q, want %q", tt.c, got, tt.want)
					}
				}
				tx.Delete(s.name("z"))
				tx.Put(s.name("a"), "back")
				if got, want := see.pairs(s.all()), "a=back b=mine bb=mine c=c d=d"; got != want {
					t.Errorf("the second time: %q, want %q", got, want)
				}
				return nil
			}, stm.WithIsolation(level))
			s.wantState("a=back b=mine bb=mine c=c d=d")
		})
	}
}

// A limit must hold for what is left when the transaction's own deletes are taken away, also where more keys follow.
func TestLimitCountsWhatTheTransactionSees(t *testing.T) {
	s := newSpace(t)
	s.fill("a", "b", "c", "d", "e", "f")
	s.run(func(tx *stm.Tx) error {
		see := s.see(tx)
		tx.Delete(s.name("a"))
		tx.Delete(s.name("c"))
		for limit, want := range []string{1: "b=b", 2: "b=b d=d", 3: "b=b d=d e=e", 4: "b=b d=d e=e f=f", 5: "b=b d=d e=e f=f"} {
			if limit == 0 {
				continue
			}
			if got := see.pairs(s.all().WithLimit(int64(limit))); got != want {
				t.Errorf("limit %d: got %q, want %q", limit, got, want)
			}
		}
		return nil
	})
}

// A key that was missing when it was read stays so, and takes no place in a range, where reads are of several revisions.
func TestLimitCountsNoKeyThatCameAfterItWasReadAsMissing(t *testing.T) {
	s := newSpace(t)
	s.fill("b", "c")
	s.run(func(tx *stm.Tx) error {
		see := s.see(tx)
		if see.value("a"); tx.Conflicts() > 0 {
			return nil
		}
		s.put("a", "a")
		if got := see.pairs(s.all().WithLimit(1)); got != "b=b" {
			t.Errorf("got %q, want the first key that is not a", got)
		}
		return nil
	}, stm.WithIsolation(stm.RepeatableReads))
}

func TestPairsOfARangeTellTheirRevisions(t *testing.T) {
	s := newSpace(t)
	created := s.put("a", "1")
	rev := s.put("a", "2")
	lastOf := func(tx *stm.Tx) *mvccpb.KeyValue {
		pairs, err := tx.Range(s.all())
		if err != nil || len(pairs) == 0 {
			t.Fatal(pairs, err)
		}
		return pairs[len(pairs)-1]
	}
	s.run(func(tx *stm.Tx) error {
		want := &mvccpb.KeyValue{Key: []byte(s.name("a")), Value: []byte("2"), CreateRevision: created, ModRevision: rev, Version: 2}
		if got := lastOf(tx); !proto.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		tx.Put(s.name("a"), "mine")
		want.Value = []byte("mine")
		if got := lastOf(tx); !proto.Equal(got, want) {
			t.Errorf("after a put: got %v, want %v", got, want)
		}
		tx.Put(s.name("b"), "new")
		if got := lastOf(tx); !proto.Equal(got, &mvccpb.KeyValue{Key: []byte(s.name("b")), Value: []byte("new")}) {
			t.Errorf("a new key: got %v", got)
		}
		return nil
	})
}

func TestCallerOwnsTheResultOfARange(t *testing.T) {
	s := newSpace(t)
	s.fill("a", "b")
	conflicts := 0
	s.run(func(tx *stm.Tx) error {
		see := s.see(tx)
		tx.Put(s.name("b"), "mine")
		pairs, err := tx.Range(s.all())
		if err != nil {
			return err
		}
		for _, pair := range pairs {
			pair.Key[0], pair.Value[0], pair.ModRevision = 'X', 'X', 1
		}
		clear(pairs)
		if got := see.pairs(s.all()); got != "a=a b=mine" || see.value("a") != "a" {
			t.Errorf("read again: %q", got)
		}
		conflicts = tx.Conflicts()
		tx.Put(s.name("c"), "c")
		return nil
	})
	if conflicts > 0 {
		t.Errorf("%d conflicts with nobody", conflicts)
	}
}

func TestPutOfTheTransactionHasNoLease(t *testing.T) {
	s := newSpace(t)
	granted, err := lease.Grant(t.Context(), lease.New(registry), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), s.request("a").WithValue("1").WithLease(granted.GetID())); err != nil {
		t.Fatal(err)
	}
	leaseOf := func(pairs []*mvccpb.KeyValue) int64 {
		if len(pairs) != 1 {
			t.Fatal(pairs)
		}
		return pairs[0].GetLease()
	}
	s.run(func(tx *stm.Tx) error {
		before, err := tx.Range(s.all())
		if err != nil {
			return err
		}
		tx.Put(s.name("a"), "2")
		after, err := tx.Range(s.all())
		if leaseOf(before) != granted.GetID() || leaseOf(after) != 0 {
			t.Errorf("lease %x, and %x after a put, want %x and 0", leaseOf(before), leaseOf(after), granted.GetID())
		}
		return err
	})
	resp, err := kv.Get(t.Context(), s.request("a"))
	if err != nil || leaseOf(resp.GetKvs()) != 0 {
		t.Errorf("%v, %v", resp, err)
	}
}

// A range that is read later is of the revision of the snapshot all the same, and what has come since is in its way.
func TestRangeIsGuardedSinceTheRevisionOfTheSnapshot(t *testing.T) {
	for i, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.fill("a", "r/1")
			conflicts := 0
			s.run(func(tx *stm.Tx) error {
				s.see(tx).value("a")
				if conflicts = tx.Conflicts(); conflicts == 0 {
					s.put("r/2", "r/2")
					s.put("elsewhere", "")
				}
				want := "r/1=r/1 r/2=r/2"
				if i < 2 && conflicts == 0 {
					want = "r/1=r/1"
				}
				if got := s.see(tx).pairs(s.key("r/").WithPrefix()); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				tx.Put(s.name("b"), "b")
				return nil
			}, stm.WithIsolation(level))
			if want := []int{1, 1, 0, 0}[i]; conflicts != want {
				t.Errorf("%d conflicts, want %d", conflicts, want)
			}
		})
	}
}

// What was read of a range up to its limit is in the way of others, and what comes after it is not.
func TestLimitBoundsWhatConflicts(t *testing.T) {
	for name, tt := range map[string]struct {
		others    func(space)
		conflicts int
	}{
		"a key after the last one read is changed": {func(s space) { s.put("c", "2") }, 0},
		"a key after the last one read is deleted": {func(s space) { s.remove("c") }, 0},
		"a key comes right after the last one":     {func(s space) { s.put("b\x00", "2") }, 0},
		"a key comes before the first one":         {func(s space) { s.put("0", "2") }, 1},
		"a key comes before the last one":          {func(s space) { s.put("ab", "2") }, 1},
		"the last one read is changed":             {func(s space) { s.put("b", "2") }, 1},
		"the last one read is deleted":             {func(s space) { s.remove("b") }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSpace(t)
			s.fill("a", "b", "c")
			conflicts := 0
			s.run(func(tx *stm.Tx) error {
				s.see(tx).pairs(s.all().WithLimit(2))
				if conflicts = tx.Conflicts(); conflicts == 0 {
					tt.others(s)
				}
				tx.Put(s.name("done"), "1")
				return nil
			})
			if conflicts != tt.conflicts {
				t.Errorf("%d conflicts, want %d", conflicts, tt.conflicts)
			}
		})
	}
}

func TestKeysThatWereReadTogetherAreNotReadAgain(t *testing.T) {
	for _, level := range levels {
		t.Run(level.String(), func(t *testing.T) {
			s := newSpace(t)
			s.fill("a", "b")
			sent := observe(t)
			_, err := stm.Run(t.Context(), stm.New(sent.name), func(tx *stm.Tx) error {
				see := s.see(tx)
				got := fmt.Sprintf("%s, %s %s %d", see.pairs(s.all()), see.value("a"), see.value("missing"), see.rev("missing"))
				if want := "a=a b=b, a  0"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				see.pairs(s.all())
				see.pairs(s.key("a").WithLimit(5))
				tx.Put(s.name("missing"), "1")
				return nil
			}, stm.WithIsolation(level))
			if err != nil {
				t.Error(err)
			}
			sent.want(t, "Range", "Txn")
		})
	}
}

func TestUnsupportedRangeOptionsAreReportedInOneError(t *testing.T) {
	s := newSpace(t)
	const phrase = "a range of a transaction"
	tests := []struct {
		c    ctx.Ctx
		want []string
	}{
		{s.all().WithLimit(-1), []string{"ctx: WithLimit(-1) is negative in a range of a transaction"}},
		{
			s.all().WithRev(0).WithSerializable().WithKeysOnly().WithCountOnly().WithMinModRev(1).WithMaxCreateRev(1),
			[]string{
				"ctx: WithRev does not apply to " + phrase,
				"ctx: WithSerializable does not apply to " + phrase,
				"ctx: WithKeysOnly does not apply to " + phrase,
				"ctx: WithCountOnly does not apply to " + phrase,
				"ctx: WithMinModRev does not apply to " + phrase,
				"ctx: WithMaxCreateRev does not apply to " + phrase,
			},
		},
		{s.all().WithSort(ctx.ByKey, ctx.Ascend), []string{"ctx: WithSort does not apply to " + phrase}},
		{s.key("").WithLastKey(), []string{"ctx: WithLastKey does not apply to " + phrase}},
		{s.all().WithValue("x"), []string{"ctx: WithValue does not apply to " + phrase}},
		{
			s.all().WithConn("elsewhere").WithEndpoint("a:1").WithLease(1).WithLimit(-1),
			[]string{
				"ctx: WithLease does not apply to " + phrase,
				"ctx: WithLimit(-1) is negative in " + phrase,
				`stm: WithConn("elsewhere") is not the transaction's connection "registry"`,
				`stm: WithEndpoint("a:1") is in a transaction without WithEndpoint`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.c.String(), func(t *testing.T) {
			_, err := stm.Run(t.Context(), stm.New(registry), func(tx *stm.Tx) error {
				_, err := tx.Range(tt.c)
				tx.Put(s.name("a"), "1")
				wantInvalid(t, err, tt.want...)
				return nil // which does not make it right
			})
			wantInvalid(t, err, tt.want...)
		})
	}
	s.wantState("")
}

func TestRangeMayBeMadeFromTheRequestOfItsRun(t *testing.T) {
	s := newSpace(t)
	s.fill("a", "b")
	base := stm.New(registry).WithTimeout(time.Minute).WithEndpoint(cluster.Member(0).Endpoint())
	_, err := stm.Run(t.Context(), base, func(tx *stm.Tx) error {
		for _, c := range []ctx.Ctx{base, base.WithTimeout(1), kv.New(registry).WithTimeout(time.Second)} {
			if got := s.see(tx).pairs(c.WithKey(s.prefix).WithPrefix()); got != "a=a b=b" {
				t.Errorf("%v: got %q", c, got)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
