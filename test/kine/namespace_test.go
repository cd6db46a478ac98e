// SPDX-License-Identifier: Apache-2.0

package kine

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

func TestNamespaceHasExactlyItsKeys(t *testing.T) {
	whole, err := conn.Open(t.Context(), "whole", []string{etcdtest.StartKine(t).Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	if _, err := whole.Namespace("tenant", "/n/"); err != nil {
		t.Fatal(err)
	}
	parent, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	inside := kv.New("tenant")
	all, err := watch.Watch(parent, inside.WithPrefix()) // of the whole namespace
	if err != nil {
		t.Fatal(err)
	}
	below, err := watch.Watch(parent, inside.WithKey("b/").WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"/m/a", "/n0", "/o"} { // beside the namespace
		if _, err := kv.Put(parent, kv.New("whole").WithKey(key).WithValue("v")); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a", "b/c"} {
		if _, err := kv.Put(parent, inside.WithKey(key).WithValue("1")); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := read(all, 2); err != nil || !slices.Equal(got, []string{"a=1", "b/c=1"}) {
		t.Errorf("the watch of the namespace has %q, %v", got, err)
	}
	if got, err := read(below, 1); err != nil || !slices.Equal(got, []string{"b/c=1"}) {
		t.Errorf("the watch of a prefix has %q, %v", got, err)
	}
	listed, err := kv.Get(parent, inside.WithPrefix())
	if err != nil || len(listed.GetKvs()) != 2 || string(listed.GetKvs()[0].GetKey()) != "a" || string(listed.GetKvs()[1].GetKey()) != "b/c" {
		t.Fatalf("the namespace has the keys %v, %v", listed.GetKvs(), err)
	}
	if got, err := kv.Get(parent, inside.WithKey("a")); err != nil || len(got.GetKvs()) != 1 || string(got.GetKvs()[0].GetKey()) != "a" {
		t.Errorf("a Get has %v, %v", got, err)
	}
	commit(t, inside, update("a", "2", listed.GetKvs()[0].GetModRevision()), true)
	if got, err := read(all, 1); err != nil || !slices.Equal(got, []string{"a=2"}) {
		t.Errorf("after the update the watch has %q, %v", got, err)
	}
}
