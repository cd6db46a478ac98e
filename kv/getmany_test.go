// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// names returns the keys that fill has put, from a number on.
func (s space) names(from, to int) []string {
	var keys []string
	for i := from; i < to; i++ {
		keys = append(keys, s.prefix+fmt.Sprintf("%06d", i))
	}
	return keys
}

// answered opens a connection that runs f after the n-th answer to a request for keys, from 1.
func answered(t *testing.T, endpoints []string, f func(n int64)) kv.Request {
	var n atomic.Int64
	after := func(parent context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption) error {
		err := invoke(parent, method, req, reply, cc, o...)
		if strings.HasPrefix(method, "/etcdserverpb.KV/") && err == nil {
			f(n.Add(1))
		}
		return err
	}
	return kv.New(onecluster.Open(t, "", endpoints, conn.WithDialOptions(grpc.WithUnaryInterceptor(after))).Name())
}

// everywhere waits until each member has a revision.
func (s space) everywhere(rev int64) {
	s.t.Helper()
	for _, endpoint := range cluster.Endpoints() {
		onecluster.Eventually(s.t, 30*time.Second, endpoint+" has the revision", func() error {
			_, err := kv.Get(s.t.Context(), kv.New(registry).WithKey("k").WithEndpoint(endpoint).WithSerializable().WithRev(rev))
			return err
		})
	}
}

func TestGetManyReadsAllKeysAtTheRevisionOfTheFirst(t *testing.T) {
	for name, serializable := range map[string]bool{"linearizable": false, "serializable": true} {
		t.Run(name, func(t *testing.T) {
			s := newSpace(t)
			defer s.clear()
			const n = 700
			rev := s.fill(registry, n, 3)
			if serializable {
				s.everywhere(rev)
			}
			request := answered(t, cluster.Endpoints(), func(answer int64) {
				if answer == 1 { // what follows is in the past
					s.fill(registry, n+1, 5)
				}
			})
			if serializable {
				request = request.WithSerializable()
			}
			found, err := kv.GetMany(t.Context(), request, s.names(0, n+1)...)
			if err != nil {
				t.Fatal(err)
			}
			for i, key := range s.names(0, n) {
				pair, there := found.Get(key)
				if !there || string(pair.GetKey()) != key || len(pair.GetValue()) != 3 || pair.GetModRevision() > found.Rev() {
					t.Fatalf("key %d at revision %d: %v, %t", i, found.Rev(), pair, there)
				}
			}
			if pair, there := found.Get(s.names(n, n+1)[0]); there || pair != nil {
				t.Errorf("a key that was created later: %v", pair)
			}
		})
	}
}

func TestGetManyTakesARevisionAndReturnsKeysOnly(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	old := s.put("a", "1")
	s.put("a", "2")
	a, missing := s.prefix+"a", s.prefix+"missing"
	for name, c := range map[string]struct {
		request kv.Request
		value   string
	}{
		"the newest revision": {kv.New(registry), "2"},
		"an old revision":     {kv.New(registry).WithRev(old), "1"},
		"one endpoint":        {kv.New(registry).WithEndpoint(cluster.Endpoints()[0]), "2"},
		"keys only":           {kv.New(registry).WithKeysOnly(), ""},
	} {
		for _, keys := range [][]string{{a}, {missing, a}, {a, a, missing, a}} {
			found, err := kv.GetMany(t.Context(), c.request, keys...)
			if err != nil {
				t.Fatalf("%s of %q: %v", name, keys, err)
			}
			pair, there := found.Get(a)
			if !there || string(pair.GetValue()) != c.value || pair.GetVersion() < 1 {
				t.Errorf("%s of %q: %v, %t", name, keys, pair, there)
			}
			if _, there := found.Get(missing); there {
				t.Errorf("%s of %q: the missing key is there", name, keys)
			}
			if name == "an old revision" && found.Rev() != old {
				t.Errorf("%s of %q is at revision %d, want %d", name, keys, found.Rev(), old)
			}
		}
	}
	_, err := kv.GetMany(t.Context(), kv.New(registry).WithRev(1<<40), a, missing)
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrFutureRev)
}

func TestGetManyOfNoKeysIsEmptyAndSendsNothing(t *testing.T) {
	request := answered(t, cluster.Endpoints(), func(int64) { t.Error("a request was sent") })
	found, err := kv.GetMany(t.Context(), request)
	if err != nil || found.Rev() != 0 {
		t.Fatalf("%v, %v", found, err)
	}
	if _, there := found.Get("k"); there {
		t.Error("a key is there")
	}
	if _, err := kv.GetMany(t.Context(), kv.New("nobody")); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("without a connection: %v", err)
	}
}

func TestGetManyRefusesWhatItDoesNotTake(t *testing.T) {
	base := kv.New(registry)
	for want, c := range map[string]kv.Request{
		"ctx: WithKey does not apply to a get of many keys":                 base.WithKey("k"),
		"ctx: WithPrefix does not apply to a get of many keys":              base.WithPrefix(),
		"ctx: WithLimit does not apply to a get of many keys":               base.WithLimit(3),
		"ctx: WithRev(-1) is negative in a get of many keys":                base.WithRev(-1),
		"ctx: WithTimeout(5ns) is below 1ms in a get of many keys":          base.WithTimeout(5),
		"kv: key 1 of a get of many keys is empty":                          base,
		"ctx: WithSort does not apply to a get of many keys":                base.WithSort(kv.ByMod, kv.Ascend),
		"ctx: WithCountOnly does not apply to a get of many keys":           base.WithCountOnly(),
		"ctx: WithFromKey does not apply to a get of many keys":             base.WithFromKey(),
		"ctx: WithMinModRev does not apply to a get of many keys":           base.WithMinModRev(1),
		"ctx: WithLease does not apply to a get of many keys":               base.WithLease(1),
		"ctx: WithTimeout(1ns) is below 1ms in a get of many keys; kv: key": base.WithTimeout(1),
	} {
		_, err := kv.GetMany(t.Context(), c, "a", "")
		if !errors.Is(err, kv.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	var noContext context.Context
	if _, err := kv.GetMany(noContext, base, "a"); !errors.Is(err, kv.ErrInvalid) {
		t.Errorf("a nil context: %v", err)
	}
}

func TestNilContextIsInvalid(t *testing.T) {
	key := newSpace(t).key("k")
	var nobody context.Context
	for name, call := range map[string]func() error{
		"Get":    func() error { _, err := kv.Get(nobody, key); return err },
		"Range":  func() error { _, err := kv.Get(nobody, key.WithPrefix()); return err },
		"Put":    func() error { _, err := kv.Put(nobody, key.WithValue("v")); return err },
		"Delete": func() error { _, err := kv.Delete(nobody, key); return err },
		"Txn":    func() error { _, err := kv.Txn(nobody, kv.New(registry), op.If().Then(op.Get(key))); return err },
	} {
		if err := call(); !errors.Is(err, kv.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGetManySplitsWhatIsTooLargeToReceive reads more in 128 keys than this side receives at a time.
func TestGetManySplitsWhatIsTooLargeToReceive(t *testing.T) {
	s := newSpace(t)
	defer s.clear()
	s.fill(registry, 12, 1_400_000)
	found, err := kv.GetMany(t.Context(), kv.New(registry).WithTimeout(30*time.Second), s.names(0, 200)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range s.names(0, 200) {
		if pair, there := found.Get(key); there != (i < 12) || there && len(pair.GetValue()) != 1_400_000 {
			t.Errorf("key %d: %t, %d bytes", i, there, len(pair.GetValue()))
		}
	}
}

func TestGetManyTellsOfACompactionInBetween(t *testing.T) {
	t.Parallel()
	own := etcdtest.Start(t)
	c := onecluster.Open(t, "", own.Endpoints())
	s := space{t: t, prefix: "k/"}
	s.fill(c.Name(), 300, 3)
	request := answered(t, own.Endpoints(), func(answer int64) {
		if answer > 1 {
			return
		}
		put, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey("other").WithValue("v"))
		if err == nil {
			_, err = kv.Compact(t.Context(), kv.New(c.Name()).WithRev(put.GetHeader().GetRevision()))
		}
		if err != nil {
			t.Error(err)
		}
	})
	_, err := kv.GetMany(t.Context(), request, s.names(0, 300)...)
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrCompacted)
	if _, err := kv.Get(t.Context(), kv.New(c.Name()).WithKey("other")); err != nil {
		t.Errorf("after that the member does not serve: %v", err)
	}
}
