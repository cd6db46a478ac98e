// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/authpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
)

// pairsOf is a sequence of keys with the same value.
func pairsOf(keys []string, value string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, key := range keys {
			if !yield(key, value) {
				return
			}
		}
	}
}

// wantPartial checks the account of a PutMany that has failed.
func wantPartial(t *testing.T, err error, written, unknown, notWritten int) {
	t.Helper()
	var partial *kv.PartialError
	if !errors.As(err, &partial) {
		t.Errorf("%v is no PartialError", err)
		return
	}
	if partial.Written != written || partial.Unknown != unknown || partial.NotWritten != notWritten {
		t.Errorf("%v; want %d written, %d unknown, %d not written", err, written, unknown, notWritten)
	}
}

// restricted starts a member with authentication, and opens a connection of a user who may use the keys below mine/.
func restricted(t *testing.T) kv.Request {
	own := etcdtest.Start(t, etcdtest.WithFlags("--bcrypt-cost=4"))
	c := auth.New(onecluster.Open(t, "", own.Endpoints()).Name())
	for _, step := range []func() error{
		func() error { _, err := auth.UserAdd(t.Context(), c, "root", "secret"); return err },
		func() error { _, err := auth.UserGrantRole(t.Context(), c, "root", "root"); return err },
		func() error { _, err := auth.UserAdd(t.Context(), c, "user", "secret"); return err },
		func() error { _, err := auth.RoleAdd(t.Context(), c, "mine"); return err },
		func() error {
			_, err := auth.RoleGrantPermission(t.Context(), c, "mine", "mine/", kv.PrefixEnd("mine/"), authpb.Permission_READWRITE)
			return err
		},
		func() error { _, err := auth.UserGrantRole(t.Context(), c, "user", "mine"); return err },
		func() error { _, err := auth.Enable(t.Context(), c); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return kv.New(onecluster.Open(t, "", own.Endpoints(), conn.WithCredentials("user", "secret")).Name())
}

// TestManyAdaptToWhatAServerTakes has servers that take less in a transaction than usual.
func TestManyAdaptToWhatAServerTakes(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{{"--max-txn-ops=16"}, {"--max-txn-ops=1"}, {"--max-request-bytes=20000"}} {
		t.Run(flags[0], func(t *testing.T) {
			t.Parallel()
			own := etcdtest.Start(t, etcdtest.WithFlags(flags...))
			var requests atomic.Int64
			request := answered(t, own.Endpoints(), func(int64) { requests.Add(1) })
			const n = 600
			value := strings.Repeat("x", 300)
			s := space{t: t, prefix: "k/"}
			keys := s.names(0, n)
			written, err := kv.PutMany(t.Context(), request, pairsOf(keys, value))
			if err != nil || written.Pairs != n || int64(written.Revisions) != requests.Load() {
				t.Fatalf("%+v, %v in %d requests", written, err, requests.Load())
			}
			found, err := kv.GetMany(t.Context(), request, keys...)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range keys {
				if pair, there := found.Get(key); !there || string(pair.GetValue()) != value || pair.GetVersion() != 1 {
					t.Fatalf("%s: %v", key, pair)
				}
			}
			if found.Rev() != written.Rev {
				t.Errorf("read at revision %d, written at %d", found.Rev(), written.Rev)
			}
		})
	}
}

func TestManyOfAUserMeetTheBoundsOfItsRole(t *testing.T) {
	t.Parallel()
	as := restricted(t)
	_, err := kv.PutMany(t.Context(), as, pairsOf([]string{"mine/a", "mine/b"}, "v"))
	if err != nil {
		t.Fatal(err)
	}
	found, err := kv.GetMany(t.Context(), as, "mine/a", "mine/b")
	if err != nil {
		t.Fatal(err)
	}
	if pair, there := found.Get("mine/b"); !there || string(pair.GetValue()) != "v" {
		t.Errorf("mine/b: %v", pair)
	}
	_, err = kv.GetMany(t.Context(), as, "mine/a", "other")
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrPermissionDenied)
	_, err = kv.PutMany(t.Context(), as, pairsOf([]string{"mine/c", "other"}, "v"))
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrPermissionDenied)
	wantPartial(t, err, 0, 0, 2)
	if found, err := kv.GetMany(t.Context(), as, "mine/c"); err != nil {
		t.Error(err)
	} else if _, there := found.Get("mine/c"); there {
		t.Error("a part of the refused transaction is written")
	}
}

// TestManyKeysThroughTheGRPCProxyAreOfOneRevision: the proxy answers serializable reads of one key from its cache, and fills that from
// the reads in transactions, whose headers name no cluster.
func TestManyKeysThroughTheGRPCProxyAreOfOneRevision(t *testing.T) {
	t.Parallel()
	own := etcdtest.Start(t)
	for _, serializable := range []bool{false, true} {
		s := space{t: t, prefix: "k/"}
		keys := s.names(0, 300)
		direct := onecluster.Open(t, "", own.Endpoints())
		request := answered(t, []string{own.GRPCProxy().Endpoint()}, func(answer int64) {
			if answer%3 == 0 {
				if _, err := kv.PutMany(t.Context(), kv.New(direct.Name()), pairsOf(keys, "later")); err != nil {
					t.Error(err)
				}
			}
		})
		written, err := kv.PutMany(t.Context(), request, pairsOf(keys, "first")) // 3 answers
		if err != nil {
			t.Fatal(err)
		}
		if serializable {
			request = request.WithSerializable()
		}
		for round := range 8 {
			found, err := kv.GetMany(t.Context(), request, keys[:len(keys)-37*round]...)
			if err != nil {
				t.Fatal(err)
			}
			if found.Rev() < written.Rev {
				t.Errorf("read at revision %d, after a write at %d", found.Rev(), written.Rev)
			}
			for _, key := range keys[:len(keys)-37*round] {
				pair, there := found.Get(key)
				if !there || pair.GetModRevision() > found.Rev() || string(pair.GetKey()) != key {
					t.Fatalf("%s at revision %d: %v", key, found.Rev(), pair)
				}
				at, err := kv.Get(t.Context(), kv.New(direct.Name()).WithKey(key).WithRev(found.Rev()))
				if err != nil || at.GetKvs()[0].GetModRevision() != pair.GetModRevision() {
					t.Fatalf("%s at revision %d: %v, want %v (%v)", key, found.Rev(), pair, at, err)
				}
			}
			if one, err := kv.GetMany(t.Context(), request, keys[0]); err != nil || one.Rev() < 1 {
				t.Errorf("one key: %v, %v", one, err)
			}
		}
	}
}
