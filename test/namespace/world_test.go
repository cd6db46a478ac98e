// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

// world is a namespace, and the whole key space that it is a part of.
type world struct {
	*testing.T
	ctx    context.Context
	name   string // of the namespace
	prefix string
	whole  string // the name of its connection
	etcd   *clientv3.Client
}

// stored returns the keys below the prefix as the store has them.
func (w world) stored() (keys []string) {
	w.Helper()
	for pair, err := range kv.All(w.ctx, kv.New(w.whole).WithKey(w.prefix).WithPrefix()) {
		if err != nil {
			w.Fatal(err)
		}
		keys = append(keys, strings.TrimPrefix(string(pair.GetKey()), w.prefix))
	}
	return keys
}

func (w world) wantStored(keys ...string) {
	w.Helper()
	if got := w.stored(); !slices.Equal(got, keys) {
		w.Errorf("the store has the keys %q below %q, want %q", got, w.prefix, keys)
	}
}

func (w world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w world) put(keys ...string) {
	w.Helper()
	for _, key := range keys {
		_, err := kv.Put(w.ctx, kv.New(w.name).WithKey(key).WithValue("of "+key))
		w.must(err)
	}
}

func (w world) lease() int64 {
	w.Helper()
	granted, err := lease.Grant(w.ctx, lease.New(w.name), time.Minute)
	w.must(err)
	return granted.GetID()
}
