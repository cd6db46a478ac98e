// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// client is one way to keep a copy of a prefix.
type client struct {
	name string
	open func(parent context.Context, endpoint string) (mirror, error)
}

// mirror is a connection, and a copy once follow has returned.
type mirror struct {
	follow func(prefix string) error
	get    func(key string) (value string, there bool)
	ask    func(key string) error // reads from the server
}

var (
	byHand = client{clients.ClientV3, openByHand}
	ours   = client{clients.Eetcd, openTable}
)

// readAll stands for kv.All without a table.
const readAll = "kv.All"

var errNoClient = errors.New("no such client")

func clientNamed(name string) (client, error) {
	for _, c := range []client{byHand, ours} {
		if c.name == name {
			return c, nil
		}
	}
	return client{}, errNoClient
}

func openTable(parent context.Context, endpoint string) (mirror, error) {
	c, err := conn.Open(parent, "", []string{endpoint})
	if err != nil {
		return mirror{}, err
	}
	var t *table.Table[string]
	return mirror{
		follow: func(prefix string) (err error) {
			t, err = table.Follow(parent, table.New(c.Name()).WithKey(prefix).WithPrefix(), table.String)
			return err
		},
		get: func(key string) (string, bool) {
			e, there := t.Get(key)
			return e.Value, there
		},
		ask: func(key string) error {
			_, err := kv.Get(parent, kv.New(c.Name()).WithKey(key))
			return err
		},
	}, nil
}

// openByHand copies into a map behind a lock: one Get, and a watch from the next revision on. It has the least that it needs for
// that, so it does not come back after a compaction or a restore.
func openByHand(parent context.Context, endpoint string) (mirror, error) {
	c, err := clients.DialClientV3(parent, endpoint)
	if err != nil {
		return mirror{}, err
	}
	var mu sync.RWMutex
	var pairs map[string]string
	keep := func(events []*clientv3.Event) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if e.Type == clientv3.EventTypeDelete {
				delete(pairs, string(e.Kv.Key))
			} else {
				pairs[string(e.Kv.Key)] = string(e.Kv.Value)
			}
		}
	}
	return mirror{
		follow: func(prefix string) error {
			r, err := c.Get(parent, prefix, clientv3.WithPrefix())
			if err != nil {
				return err
			}
			pairs = make(map[string]string, len(r.Kvs))
			for _, pair := range r.Kvs {
				pairs[string(pair.Key)] = string(pair.Value)
			}
			changes := c.Watch(parent, prefix, clientv3.WithPrefix(), clientv3.WithRev(r.Header.Revision+1))
			go func() {
				for r := range changes {
					keep(r.Events)
				}
			}()
			return nil
		},
		get: func(key string) (string, bool) {
			mu.RLock()
			defer mu.RUnlock()
			value, there := pairs[key]
			return value, there
		},
		ask: func(key string) error {
			_, err := c.Get(parent, key)
			return err
		},
	}, nil
}
