// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// name returns a key of the space, for operations and guards.
func (s space) name(name string) string { return s.prefix + name }

// local returns the request for a key, for operations.
func (s space) local(name string) ctx.Ctx { return kv.Key(s.prefix + name) }

func (s space) commit(txn op.Transaction) *pb.TxnResponse {
	s.t.Helper()
	resp, err := kv.Txn(s.t.Context(), kv.New(registry), txn)
	if err != nil {
		s.t.Fatalf("%v: %v", txn, err)
	}
	return resp
}

func TestTxnWritesOnlyIfTheKeyIsUnchanged(t *testing.T) {
	s := newSpace(t)
	swap := func(seen int64, to string) op.Transaction {
		return op.If(compare.New(s.name("config")).ModRevision(compare.Equal, seen)).
			Then(op.Put(s.local("config").WithValue(to))).
			Else(op.Get(s.local("config")))
	}
	seen := s.put("config", "v1")

	won := s.commit(swap(seen, "v2"))
	if !won.GetSucceeded() || len(won.GetResponses()) != 1 || won.GetResponses()[0].GetResponsePut() == nil {
		t.Errorf("with the revision seen: %v", won)
	}
	lost := s.commit(swap(seen, "v3"))
	if lost.GetSucceeded() || len(lost.GetResponses()) != 1 {
		t.Fatalf("with a revision that is past: %v", lost)
	}
	now := lost.GetResponses()[0].GetResponseRange().GetKvs()
	if string(now[0].GetValue()) != "v2" || now[0].GetModRevision() != won.GetHeader().GetRevision() {
		t.Errorf("the loser reads %v, want v2 of revision %d", now, won.GetHeader().GetRevision())
	}
}

func TestTxnWritesAllItsKeysAtOneRevision(t *testing.T) {
	s := newSpace(t)
	s.put("old", "1")
	resp := s.commit(op.If(compare.Exists(s.name("old"))).Then(
		op.Put(s.local("a").WithValue("1")),
		op.Put(s.local("b").WithValue("2")),
		op.Delete(s.local("old").WithPrevKV()),
		op.Get(s.local("").WithPrefix()),
	))
	rev := resp.GetHeader().GetRevision()
	answers := resp.GetResponses()
	if len(answers) != 4 {
		t.Fatalf("%d answers to 4 operations", len(answers))
	}
	if got := s.pairs(answers[2].GetResponseDeleteRange().GetPrevKvs()); !slices.Equal(got, []pair{{"old", "1"}}) {
		t.Errorf("deleted %q", got)
	}
	found := answers[3].GetResponseRange().GetKvs()
	if got := s.pairs(found); !slices.Equal(got, []pair{{"a", "1"}, {"b", "2"}}) {
		t.Errorf("the get at the end of the transaction found %q", got)
	}
	for _, kv := range found {
		if kv.GetModRevision() != rev {
			t.Errorf("%s was put at revision %d, the transaction's is %d", kv.GetKey(), kv.GetModRevision(), rev)
		}
	}
}

func TestTxnRunsTheBranchThatItsGuardsChoose(t *testing.T) {
	s := newSpace(t)
	lease := grantLease(t)
	s.put("a", "1")
	rev := s.put("a", "2")
	if _, err := kv.Put(t.Context(), s.key("leased").WithValue("x").WithLease(lease)); err != nil {
		t.Fatal(err)
	}
	a := compare.New(s.name("a"))
	everything := compare.New(s.prefix).WithPrefix()
	tests := []struct {
		name   string
		guards []compare.Compare
		then   bool
	}{
		{"none", nil, true},
		{"all hold", []compare.Compare{a.Value(compare.Equal, "2"), a.Version(compare.Greater, 1), compare.Missing(s.name("z"))}, true},
		{"one does not", []compare.Compare{a.Value(compare.Equal, "2"), a.Version(compare.Less, 2)}, false},
		{"the lease", []compare.Compare{compare.New(s.name("leased")).Lease(compare.Equal, lease)}, true},
		{"the names of eetcd", []compare.Compare{a.ModRevision("==", rev), a.ModRevision("=/=", rev-1)}, true},
		{"every key of a range", []compare.Compare{everything.Version(compare.Less, 3)}, true},
		{"not every key of a range", []compare.Compare{everything.ModRevision(compare.Greater, rev)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp := s.commit(op.If(tt.guards...).
				Then(op.Get(s.local("a"))).
				Else(op.Get(s.local("z")), op.Get(s.local("z"))))
			want := 2
			if tt.then {
				want = 1
			}
			if resp.GetSucceeded() != tt.then || len(resp.GetResponses()) != want {
				t.Errorf("succeeded %v with %d answers", resp.GetSucceeded(), len(resp.GetResponses()))
			}
		})
	}
}

func TestTxnNestsTransactions(t *testing.T) {
	s := newSpace(t)
	s.put("a", "1")
	inner := op.If(compare.Exists(s.name("b"))).
		Then(op.Put(s.local("saw").WithValue("b"))).
		Else(op.Put(s.local("saw").WithValue("no b")))
	resp := s.commit(op.If(compare.Exists(s.name("a"))).Then(op.Txn(inner), op.Get(s.local("saw"))))
	if len(resp.GetResponses()) != 2 {
		t.Fatalf("got %v", resp)
	}
	if nested := resp.GetResponses()[0].GetResponseTxn(); nested == nil || nested.GetSucceeded() {
		t.Errorf("the inner transaction: %v", nested)
	}
	if got := s.get(s.key("saw")); !slices.Equal(got, []pair{{"saw", "no b"}}) {
		t.Errorf("got %q", got)
	}
}

func TestTxnAcceptsOperationsBoundToItsConnection(t *testing.T) {
	s := newSpace(t)
	s.commit(op.If().Then(op.Put(s.key("a").WithValue("1"))))
	if got := s.get(s.key("a")); !slices.Equal(got, []pair{{"a", "1"}}) {
		t.Errorf("got %q", got)
	}
}

func TestCompareAndSwapLosesNoIncrement(t *testing.T) {
	const workers, each = 8, 10
	s := newSpace(t)
	s.put("n", "0")
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for done := 0; done < each; {
				resp, err := kv.Get(t.Context(), s.key("n"))
				if err != nil {
					t.Error(err)
					return
				}
				was := resp.GetKvs()[0]
				n, err := strconv.Atoi(string(was.GetValue()))
				if err != nil {
					t.Error(err)
					return
				}
				txn, err := kv.Txn(t.Context(), kv.New(registry),
					op.If(compare.New(s.name("n")).ModRevision(compare.Equal, was.GetModRevision())).
						Then(op.Put(s.local("n").WithValue(strconv.Itoa(n+1)))))
				if err != nil {
					t.Error(err)
					return
				}
				if txn.GetSucceeded() {
					done++
				}
			}
		})
	}
	wg.Wait()
	if got := s.get(s.key("n")); !slices.Equal(got, []pair{{"n", strconv.Itoa(workers * each)}}) {
		t.Errorf("got %q", got)
	}
}
