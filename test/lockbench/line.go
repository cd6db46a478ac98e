// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

const (
	name   = "lockbench"
	ttl    = 60 * time.Second
	inLine = 8
)

// contenders are the two clients of one cluster.
type contenders struct{ *clients.Both }

// way is one way to hold the lock. It calls b while it does.
type way struct {
	name string
	take func(parent context.Context, b *baton) error
}

func (c *contenders) ways() []way {
	return []way{
		{"lock.Do", func(parent context.Context, b *baton) error {
			return lock.Do(parent, lock.New(c.SDK.Name()).WithName(name), ttl, func(context.Context, lock.Held) error {
				b.pass()
				return nil
			})
		}},
		{"lock.Acquire", func(parent context.Context, b *baton) error {
			granted, err := lease.Grant(parent, lease.New(c.SDK.Name()), ttl)
			if err != nil {
				return err
			}
			l, err := lock.Acquire(parent, lock.New(c.SDK.Name()).WithName(name).WithLease(granted.GetID()))
			if err != nil {
				return err
			}
			b.pass()
			return l.Release(parent)
		}},
		{"clientv3's Mutex", func(parent context.Context, b *baton) error {
			session, err := concurrency.NewSession(c.Etcd)
			if err != nil {
				return err
			}
			defer session.Close()
			mutex := concurrency.NewMutex(session, name)
			if err := mutex.Lock(parent); err != nil {
				return err
			}
			b.pass()
			return mutex.Unlock(parent)
		}},
	}
}

// baton times how the lock moves from one holder to the next.
type baton struct {
	start chan struct{} // closed when everybody is in line

	mu       sync.Mutex
	released time.Time
	took     []time.Duration
}

// pass is called by each holder.
func (b *baton) pass() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.released.IsZero() {
		b.took = append(b.took, time.Since(b.released))
	}
	<-b.start
	b.released = time.Now()
}

// line queues contenders for the lock, starts the first one, and returns the time of each handover.
func (c *contenders) line(parent context.Context, how way) ([]time.Duration, error) {
	b := baton{start: make(chan struct{})}
	failures := make(chan error, inLine)
	var all sync.WaitGroup
	defer all.Wait()
	for at := range inLine {
		all.Go(func() { failures <- how.take(parent, &b) })
		if err := c.await(parent, at+1, failures); err != nil {
			close(b.start)
			return nil, err
		}
	}
	time.Sleep(20 * time.Millisecond) // the last one must watch too
	close(b.start)
	all.Wait()
	for range inLine {
		if err := <-failures; err != nil {
			return nil, err
		}
	}
	return b.took, nil
}

// await waits until n keys are below the name, or a contender has failed.
func (c *contenders) await(parent context.Context, n int, failures <-chan error) error {
	for {
		select {
		case err := <-failures:
			return errors.Join(errors.New("a contender left the line"), err)
		default:
		}
		there, err := kv.Get(parent, kv.New(c.SDK.Name()).WithKey(name+"/").WithPrefix().WithCountOnly())
		if err != nil || there.GetCount() == int64(n) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
