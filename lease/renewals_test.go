// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

func TestEachReaderOfRenewalsGetsEachRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 9)
		m.answer(after(100*time.Millisecond, 9))
		_, request := fake(t, m)
		k := keep(t, request, 1)
		var told []lease.Renewal
		for renewal := range k.Renewals() {
			told = append(told, renewal)
			if len(told) == 5 {
				break
			}
		}
		seen := m.seen(1)
		if len(seen) != len(told) {
			t.Fatalf("%d renewals were told, and %d sent", len(told), len(seen))
		}
		for i, renewal := range told {
			if !renewal.Sent.Equal(seen[i].at) || !renewal.Until.Equal(seen[i].at.Add(9*time.Second)) {
				t.Errorf("renewal %d, sent at %v: %+v", i, seen[i].at, renewal)
			}
		}
	})
}

func TestSlowReaderOfRenewalsGetsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a", 9)
		_, request := fake(t, m)
		k := keep(t, request, 1)
		n := 0
		for renewal := range k.Renewals() {
			if n++; n == 4 {
				break
			}
			if got := k.ValidUntil(); !renewal.Until.Equal(got) {
				t.Errorf("told %v, valid until %v", renewal.Until, got)
			}
			time.Sleep(time.Minute)
		}
		if sent := len(m.seen(1)); sent < 50 {
			t.Errorf("a slow reader holds up renewals: %d were sent", sent)
		}
	})
}

func TestRenewalsEndWithTheKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, end := range map[string]func(*member, *lease.Keeper, context.CancelFunc){
			"closed":    func(_ *member, k *lease.Keeper, _ context.CancelFunc) { _ = k.Close() },
			"cancelled": func(_ *member, _ *lease.Keeper, cancel context.CancelFunc) { cancel() },
			"lost":      func(m *member, _ *lease.Keeper, _ context.CancelFunc) { m.answer(always(0)) },
			"silent":    func(m *member, _ *lease.Keeper, _ context.CancelFunc) { m.answer(forever) },
		} {
			m := newMember(t, "a", 9)
			_, request := fake(t, m)
			parent, cancel := context.WithCancel(t.Context())
			k, err := lease.KeepAlive(parent, request, 1)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(10*time.Second, func() { end(m, k, cancel) })
			began := time.Now()
			n := 0
			for range k.Renewals() {
				n++
			}
			if took := time.Since(began); n < 3 || took < 10*time.Second || took > 20*time.Second {
				t.Errorf("%s: %d renewals until the end after %v", name, n, took)
			}
			for range k.Renewals() {
				t.Errorf("%s: a renewal is told after the end", name)
			}
			cancel()
		}
	})
}

func TestRenewalTellsTheRevisionOfTheStore(t *testing.T) {
	request := lease.New(registry)
	k := keep(t, request, grant(t, request, 2*time.Second))
	var least int64
	for renewal := range k.Renewals() {
		if renewal.Revision < least || renewal.Revision == 0 {
			t.Errorf("the store was at %d, a later renewal says %d", least, renewal.Revision)
		}
		if least > 0 {
			break
		}
		put, err := kv.Put(t.Context(), kv.New(registry).WithKey(t.Name()))
		if err != nil {
			t.Fatal(err)
		}
		least = put.GetHeader().GetRevision()
	}
}
