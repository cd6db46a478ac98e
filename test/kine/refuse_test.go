// SPDX-License-Identifier: Apache-2.0

package kine

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/maintenance"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/stm"
	"github.com/eetcd-go/eetcd/typed"
)

func TestUnsupportedRequestsFailSoon(t *testing.T) {
	server := etcdtest.StartKine(t)
	r := open(t, server)
	k := r.WithKey("/t/k")
	if _, err := kv.Put(t.Context(), k.WithValue("v")); err != nil {
		t.Fatal(err)
	}
	for what, call := range map[string]func(context.Context) error{
		"delete": func(parent context.Context) error { _, err := kv.Delete(parent, k); return err },
		"get sorted": func(parent context.Context) error {
			_, err := kv.Get(parent, k.WithPrefix().WithSort(kv.ByMod, kv.Descend))
			return err
		},
		"get serializable": func(parent context.Context) error { _, err := kv.Get(parent, k.WithSerializable()); return err },
		"put of a lease alone": func(parent context.Context) error {
			_, err := kv.Put(parent, k.WithLease(1).WithIgnoreValue())
			return err
		},
		"transaction of two puts": func(parent context.Context) error {
			_, err := kv.Txn(parent, r, op.If().Then(op.Put(k.WithValue("a")), op.Put(r.WithKey("/t/l").WithValue("b"))))
			return err
		},
		"lease revoke":  func(parent context.Context) error { _, err := lease.Revoke(parent, r, 7); return err },
		"lease renewal": func(parent context.Context) error { _, err := lease.KeepAliveOnce(parent, r, 7); return err },
		"time to live":  func(parent context.Context) error { _, err := lease.TimeToLive(parent, r, 7, false); return err },
		"leases":        func(parent context.Context) error { _, err := lease.Leases(parent, r); return err },
		"keeper":        keep(r),
		"lock.Lock": func(parent context.Context) error {
			_, err := lock.Lock(parent, r.WithName("/t/lock").WithLease(7))
			return err
		},
		"lock.Do": func(parent context.Context) error {
			return lock.Do(parent, r.WithName("/t/lock"), time.Minute, never(t))
		},
		"lock.Try": func(parent context.Context) error {
			_, err := lock.Try(parent, r.WithName("/t/lock"), time.Minute, never(t))
			return err
		},
		"election.Leader": func(parent context.Context) error {
			_, err := election.Leader(parent, r.WithName("/t/seat"))
			return err
		},
		"election.Run": func(parent context.Context) error {
			return election.Run(parent, r.WithName("/t/seat").WithValue("me"), time.Minute, func(context.Context, *election.Leadership) error {
				t.Error("leads")
				return nil
			})
		},
		"presence.Keep": func(parent context.Context) error {
			_, err := presence.Keep(parent, r.WithKey("/t/presence"), time.Minute)
			return err
		},
		"deletion of a typed value": func(parent context.Context) error {
			_, err := typed.Of(r.WithKey("/t/"), typed.JSON[int]()).Delete(parent, "k")
			return err
		},
		"member add": func(parent context.Context) error {
			_, err := cluster.MemberAdd(parent, r, "http://127.0.0.1:1")
			return err
		},
		"alarms": func(parent context.Context) error { _, err := maintenance.AlarmList(parent, r); return err },
		"defragment": func(parent context.Context) error {
			_, err := maintenance.Defragment(parent, r.WithEndpoint(server.Endpoint()))
			return err
		},
		"hash": func(parent context.Context) error {
			_, err := maintenance.HashKV(parent, r.WithEndpoint(server.Endpoint()), 0)
			return err
		},
		"snapshot": func(parent context.Context) error {
			reader, err := maintenance.Snapshot(parent, r)
			if err == nil {
				defer reader.Close()
				_, err = io.Copy(io.Discard, reader)
			}
			return err
		},
		"users": func(parent context.Context) error { _, err := auth.UserList(parent, r); return err },
		"stm": func(parent context.Context) error {
			_, err := stm.Run(parent, r, func(tx *stm.Tx) error {
				tx.Put("/t/k", "a")
				tx.Put("/t/l", "b")
				return nil
			})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) { mustRefuse(t, what, call) })
	}
	if left := keys(t, r); !slices.Equal(left, []string{"/t/k"}) {
		t.Errorf("keys that are left: %q", left)
	}
}

func keep(r kv.Request) func(context.Context) error {
	return func(parent context.Context) error {
		granted, err := lease.Grant(parent, r, time.Minute)
		if err != nil {
			return err
		}
		keeper, err := lease.KeepAlive(parent, r, granted.GetID())
		if err != nil {
			return err
		}
		defer keeper.Close()
		select {
		case <-keeper.Done():
			return keeper.Err()
		case <-parent.Done():
			return parent.Err()
		}
	}
}

func never(t *testing.T) func(context.Context, lock.Held) error {
	return func(context.Context, lock.Held) error {
		t.Error("holds the lock")
		return nil
	}
}

func TestKeyGoesWhenItsLeaseExpires(t *testing.T) {
	r := open(t, etcdtest.StartKine(t))
	granted, err := lease.Grant(t.Context(), r, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), r.WithKey("/t/leased").WithValue("v").WithLease(granted.GetID())); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); len(keys(t, r)) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("keys with a lease of 2 s after 30 s: %q", keys(t, r))
		}
	}
}
