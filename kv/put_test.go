// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
)

func TestPutWithPrevKVReturnsWhatItReplaced(t *testing.T) {
	s := newSpace(t)
	key := s.key("a").WithPrevKV()
	resp, err := kv.Put(t.Context(), key.WithValue("1"))
	if err != nil || resp.GetPrevKv() != nil {
		t.Fatalf("first put: %v, %v", resp, err)
	}
	first := resp.GetHeader().GetRevision()
	resp, err = kv.Put(t.Context(), key.WithValue("2"))
	if err != nil {
		t.Fatal(err)
	}
	prev := resp.GetPrevKv()
	if string(prev.GetValue()) != "1" || prev.GetModRevision() != first || resp.GetHeader().GetRevision() <= first {
		t.Errorf("second put, at revision %d, replaced %v, put at revision %d", resp.GetHeader().GetRevision(), prev, first)
	}
	resp, err = kv.Put(t.Context(), s.key("a").WithValue("3"))
	if err != nil || resp.GetPrevKv() != nil {
		t.Errorf("not asked: %v, %v", resp, err)
	}
}

func TestPutStoresAnyBytes(t *testing.T) {
	s := newSpace(t)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, value := range [][]byte{every, {}, nil, []byte(strings.Repeat("x", 1<<20))} {
		c := s.key("").WithKeyBytes(append([]byte(s.prefix), every...))
		if _, err := kv.Put(t.Context(), c.WithValueBytes(value)); err != nil {
			t.Fatal(err)
		}
		if got := s.get(c); !slices.Equal(got, []pair{{string(every), string(value)}}) {
			t.Errorf("put %d bytes, got another value back", len(value))
		}
	}
}

func TestPutSetsOrKeepsTheLeaseAndTheValue(t *testing.T) {
	s := newSpace(t)
	lease := grantLease(t)
	key := s.key("a")
	steps := []struct {
		name  string
		c     ctx.Ctx
		value string
		lease int64
	}{
		{"a value on a lease", key.WithValue("1").WithLease(lease), "1", lease},
		{"another value, the lease kept", key.WithValue("2").WithIgnoreLease(), "2", lease},
		{"no lease any more, the value kept", key.WithIgnoreValue(), "2", 0},
		{"the lease again, the value kept", key.WithIgnoreValue().WithLease(lease), "2", lease},
		{"a plain put takes the lease away", key.WithValue("3"), "3", 0},
	}
	for _, step := range steps {
		if _, err := kv.Put(t.Context(), step.c); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		resp, err := kv.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.GetKvs()[0]; string(got.GetValue()) != step.value || got.GetLease() != step.lease {
			t.Errorf("%s: value %q on lease %x, want %q on %x", step.name, got.GetValue(), got.GetLease(), step.value, step.lease)
		}
	}
}

// grantLease uses the generated stub, which works on a connection.
func grantLease(t *testing.T) int64 {
	t.Helper()
	c, err := conn.Lookup(registry)
	if err != nil {
		t.Fatal(err)
	}
	granted, err := pb.NewLeaseClient(c).LeaseGrant(t.Context(), &pb.LeaseGrantRequest{TTL: 60})
	if err != nil {
		t.Fatal(err)
	}
	return granted.GetID()
}
