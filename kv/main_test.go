// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"errors"
	"testing"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
)

// registry is the connection to the cluster that the tests of this package share. Tests that kill or pause a member
// start their own.
const registry = "registry"

var cluster *etcdtest.Cluster

func TestMain(m *testing.M) { onecluster.Main(m, registry, &cluster, etcdtest.WithSize(3)) }

// space is one test's part of the key space.
type space struct {
	t      *testing.T
	prefix string
}

func newSpace(t *testing.T) space {
	s := space{t: t, prefix: t.Name() + "/"}
	if _, err := kv.Delete(t.Context(), s.all()); err != nil { // of an earlier round of the same test
		t.Fatal(err)
	}
	return s
}

func (s space) key(name string) ctx.Ctx { return kv.New(registry).WithKey(s.prefix + name) }

func (s space) all() ctx.Ctx { return s.key("").WithPrefix() }

// put puts a value and returns the revision.
func (s space) put(name, value string) int64 {
	s.t.Helper()
	resp, err := kv.Put(s.t.Context(), s.key(name).WithValue(value))
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.GetHeader().GetRevision()
}

// get returns the pairs that a request finds, with keys without the space's prefix.
func (s space) get(c ctx.Ctx) []pair {
	s.t.Helper()
	resp, err := kv.Get(s.t.Context(), c)
	if err != nil {
		s.t.Fatalf("%v: %v", c, err)
	}
	return s.pairs(resp.GetKvs())
}

// pair is a key without its space's prefix, and its value.
type pair struct{ key, value string }

func (s space) pairs(kvs []*mvccpb.KeyValue) []pair {
	var pairs []pair
	for _, found := range kvs {
		key := string(found.GetKey())
		if len(key) >= len(s.prefix) && key[:len(s.prefix)] == s.prefix {
			key = key[len(s.prefix):]
		}
		pairs = append(pairs, pair{key, string(found.GetValue())})
	}
	return pairs
}

func keysOf(pairs []pair) (keys string) {
	for _, p := range pairs {
		keys += p.key
	}
	return keys
}

// wantFailure checks the outcome of a failed call, and that errors.Is finds all of its reasons.
func wantFailure(t *testing.T, err error, outcome etcderr.Outcome, reasons ...error) {
	t.Helper()
	if err == nil {
		t.Error("no error")
		return
	}
	if got := etcderr.OutcomeOf(err); got != outcome {
		t.Errorf("outcome %v, want %v: %v", got, outcome, err)
	}
	for _, reason := range reasons {
		if !errors.Is(err, reason) {
			t.Errorf("%q is not %q", err, reason)
		}
	}
}
