// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/stm"
)

func (s space) grant() int64 {
	s.t.Helper()
	granted, err := lease.Grant(s.t.Context(), lease.New(registry), time.Minute)
	if err != nil {
		s.t.Fatal(err)
	}
	return granted.GetID()
}

func (s space) revoke(id int64) {
	s.t.Helper()
	if _, err := lease.Revoke(s.t.Context(), lease.New(registry), id); err != nil {
		s.t.Fatal(err)
	}
}

func (s space) putUnder(id int64, name string) {
	s.t.Helper()
	if _, err := kv.Put(s.t.Context(), s.request(name).WithValue(name).WithLease(id)); err != nil {
		s.t.Fatal(err)
	}
}

// wantLease checks the lease and the value of a key on the servers.
func (s space) wantLease(name, value string, id int64) {
	s.t.Helper()
	resp, err := kv.Get(s.t.Context(), s.request(name))
	if err != nil {
		s.t.Fatal(err)
	}
	if len(resp.GetKvs()) != 1 || string(resp.GetKvs()[0].GetValue()) != value || resp.GetKvs()[0].GetLease() != id {
		s.t.Errorf("%s is %v, want %q under lease %d", name, resp.GetKvs(), value, id)
	}
}

// leaseOf is the lease of a key as the transaction sees it.
func (s seen) leaseOf(name string) int64 {
	s.t.Helper()
	pairs, err := s.Range(s.key(name))
	if err != nil || len(pairs) != 1 {
		s.t.Errorf("range of %s: %v, %v", name, pairs, err)
		return -1
	}
	return pairs[0].GetLease()
}

func TestKeepLeaseLeavesTheLeaseOfEachKeyAsItIs(t *testing.T) {
	read := map[string]func(seen){
		"keys that were read":      func(s seen) { s.value("free"); s.value("kept"); s.value("new") },
		"keys that a range covers": func(s seen) { s.pairs(s.all()) },
		"keys that were not read":  func(seen) {},
	}
	for _, level := range levels {
		for what, read := range read {
			t.Run(fmt.Sprint(level, " ", what), func(t *testing.T) {
				s := newSpace(t)
				s.fill("free")
				id := s.grant()
				s.putUnder(id, "kept")
				resp := s.run(func(tx *stm.Tx) error {
					read(s.see(tx))
					for _, name := range []string{"free", "kept", "new"} {
						tx.Put(s.name(name), name+"!")
					}
					return nil
				}, stm.WithIsolation(level), stm.WithKeepLease())
				s.wantLease("free", "free!", 0)
				s.wantLease("kept", "kept!", id)
				s.wantLease("new", "new!", 0)
				for i, answer := range resp.GetResponses() {
					if answer.GetResponsePut() == nil || len(resp.GetResponses()) != 3 {
						t.Errorf("answer %d of %d is not that of a put: %v", i, len(resp.GetResponses()), answer)
					}
				}
				s.revoke(id)
				s.wantState("free=free! new=new!")
			})
		}
	}
}

func TestPutWithLeaseAttachesTheKeyToItsLease(t *testing.T) {
	for _, level := range levels {
		for _, opts := range [][]stm.Option{{stm.WithIsolation(level)}, {stm.WithIsolation(level), stm.WithKeepLease()}} {
			t.Run(fmt.Sprint(level, " ", len(opts)), func(t *testing.T) {
				s := newSpace(t)
				old, id := s.grant(), s.grant()
				s.putUnder(old, "moved")
				s.run(func(tx *stm.Tx) error {
					tx.PutWithLease(s.name("moved"), "1", id)
					tx.PutWithLease(s.name("new"), "2", id)
					see := s.see(tx)
					if got := [2]int64{see.leaseOf("moved"), see.leaseOf("new")}; got != [2]int64{id, id} {
						t.Errorf("the transaction sees the leases %d, want %d", got, id)
					}
					if got := see.value("new"); got != "2" {
						t.Errorf("the transaction sees the value %q", got)
					}
					return nil
				}, opts...)
				s.wantLease("moved", "1", id)
				s.wantLease("new", "2", id)
				s.revoke(old)
				s.wantState("moved=1 new=2")
				s.revoke(id)
				s.wantState("")
			})
		}
	}
}

func TestLastWriteOfAKeyDecidesOnItsLease(t *testing.T) {
	s := newSpace(t)
	old, id := s.grant(), s.grant()
	key := s.name("key")
	tests := []struct {
		name        string
		write       func(*stm.Tx)
		put, keep   int64 // the lease that it has in the end, without and with WithKeepLease
		alsoMissing bool  // where the key was not there before, it is the same
	}{
		{"put", func(tx *stm.Tx) { tx.Put(key, "v") }, 0, old, false},
		{"put with a lease", func(tx *stm.Tx) { tx.PutWithLease(key, "v", id) }, id, id, true},
		{"put with no lease", func(tx *stm.Tx) { tx.PutWithLease(key, "v", 0) }, 0, 0, true},
		{"put, then put with a lease", func(tx *stm.Tx) { tx.Put(key, "u"); tx.PutWithLease(key, "v", id) }, id, id, true},
		{"put with a lease, then put", func(tx *stm.Tx) { tx.PutWithLease(key, "u", id); tx.Put(key, "v") }, 0, id, true},
		{"delete, then put", func(tx *stm.Tx) { tx.Delete(key); tx.Put(key, "v") }, 0, 0, true},
		{"put, then put", func(tx *stm.Tx) { tx.Put(key, "u"); tx.Put(key, "v") }, 0, old, false},
		{
			"put with a lease, delete, put",
			func(tx *stm.Tx) { tx.PutWithLease(key, "u", id); tx.Delete(key); tx.Put(key, "v") }, 0, 0, true,
		},
	}
	for _, tt := range tests {
		for _, there := range []bool{true, false} {
			for _, keep := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, there %t, keep %t", tt.name, there, keep), func(t *testing.T) {
					s := space{t: t, prefix: s.prefix}
					s.remove("key")
					if there {
						s.putUnder(old, "key")
					}
					opts, want := []stm.Option(nil), tt.put
					if keep {
						opts, want = []stm.Option{stm.WithKeepLease()}, tt.keep
						if !there && !tt.alsoMissing {
							want = 0
						}
					}
					s.run(func(tx *stm.Tx) error {
						tt.write(tx)
						if got := s.see(tx).leaseOf("key"); got != want {
							t.Errorf("the transaction sees the lease %d, want %d", got, want)
						}
						return nil
					}, opts...)
					s.wantLease("key", "v", want)
					s.run(func(tx *stm.Tx) error { tt.write(tx); return nil }, opts...) // the same on what is there now, unread
					if tt.alsoMissing || !keep {
						s.wantLease("key", "v", want)
					}
				})
			}
		}
	}
}

func TestLeaseThatEndsMeanwhileIsNotKept(t *testing.T) {
	for _, level := range levels {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v, read %t", level, read), func(t *testing.T) {
				s := newSpace(t)
				id := s.grant()
				s.putUnder(id, "a")
				s.run(func(tx *stm.Tx) error {
					if read {
						s.see(tx).value("a")
					}
					if tx.Conflicts() == 0 {
						s.revoke(id) // and the key goes with it
					}
					tx.Put(s.name("a"), "new")
					return nil
				}, stm.WithIsolation(level), stm.WithKeepLease())
				s.wantLease("a", "new", 0)
			})
		}
	}
}

func TestPutWithALeaseThatIsNotThereWritesNothing(t *testing.T) {
	s := newSpace(t)
	for _, level := range levels {
		_, err := stm.Run(t.Context(), stm.New(registry), func(tx *stm.Tx) error {
			tx.Put(s.name("a"), "1")
			tx.PutWithLease(s.name("b"), "1", 12345)
			return nil
		}, stm.WithIsolation(level), stm.WithKeepLease())
		wantFailure(t, err, etcderr.Rejected, etcderr.ErrLeaseNotFound)
	}
	s.wantState("")
}

func TestKeepLeaseHasRoomForAsManyWrites(t *testing.T) {
	s := newSpace(t)
	keys := make([]string, 128)
	for i := range keys {
		keys[i] = s.name(fmt.Sprintf("%03d", i))
	}
	writeAll := func(keys []string, read bool) func(*stm.Tx) error {
		return func(tx *stm.Tx) error {
			for _, key := range keys {
				if read {
					if _, err := tx.Get(key); err != nil {
						return err
					}
				}
				tx.Put(key, "1")
			}
			return nil
		}
	}
	s.run(writeAll(keys, true), stm.WithKeepLease(), stm.WithPrefetch(keys...))
	s.run(writeAll(keys[1:], false), stm.WithKeepLease())
	_, err := stm.Run(t.Context(), stm.New(registry), writeAll(keys, false), stm.WithKeepLease())
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrTooManyOps)
}
