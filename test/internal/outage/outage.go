// SPDX-License-Identifier: Apache-2.0

// Package outage measures what an outage of every member costs the callers of the SDK and of clientv3, side by side.
package outage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

const (
	patience  = 5 * time.Second      // of the SDK, by default
	pause     = 5 * time.Millisecond // of a caller between two calls
	perCall   = 2 * time.Second      // its deadline
	afterward = time.Minute          // within which calls must succeed
	key       = "read during an outage"
)

// Result has the figures of one outage.
type Result struct {
	Eetcd, ClientV3 time.Duration // from the member's first answer to the first success of a call that began in the outage or after
	Failed          int           // calls of the SDK
	SlowestFailure  time.Duration // of those, once the outage had lasted longer than the patience
	Kept            error         // why the lease with time left was lost; nil if it was kept
	Told            time.Duration // from the end of the other lease to the report of its keeper; negative: before
}

// Measure stops the only member of a cluster for a time.
func Measure(parent context.Context, cluster *etcdtest.Cluster, length time.Duration) (r Result, err error) {
	member := cluster.Member(0)
	both, err := clients.OpenBoth(parent, cluster.Endpoints())
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, both.Close()) }()
	request := kv.New(both.SDK.Name()).WithKey(key)
	get := map[string]func(context.Context) error{
		"eetcd":    func(ctx context.Context) error { _, err := kv.Get(ctx, request); return err },
		"clientv3": func(ctx context.Context) error { _, err := both.Etcd.Get(ctx, key); return err },
	}
	for name, get := range get {
		if err := get(parent); err != nil {
			return r, fmt.Errorf("%s before the outage: %w", name, err)
		}
	}
	saved, err := keep(parent, kv.New(both.SDK.Name()), length+length/2+10*time.Second)
	if err != nil {
		return r, err
	}
	defer saved.Close()
	lost, err := keep(parent, kv.New(both.SDK.Name()), max(2*time.Second, length/3))
	if err != nil {
		return r, err
	}
	defer lost.Close()

	member.Kill()
	struck := time.Now()
	life, end := context.WithTimeout(parent, length+afterward)
	defer end()
	callers := map[string]*caller{}
	var calling sync.WaitGroup
	for name, get := range get {
		c := &caller{}
		callers[name] = c
		calling.Go(func() { c.run(life, get) })
	}
	var told time.Time
	calling.Go(func() {
		select {
		case <-lost.Done():
			told = time.Now()
		case <-life.Done():
		}
	})
	select {
	case <-time.After(length):
	case <-parent.Done():
	}
	var restarting sync.WaitGroup
	restarting.Go(member.Restart)
	back, err := firstAnswer(life, member.Endpoint())
	calling.Wait()
	restarting.Wait()
	if err := errors.Join(err, parent.Err(), cluster.Err()); err != nil {
		return r, err
	}
	for name, c := range callers {
		if c.success.IsZero() {
			return r, fmt.Errorf("%s has not come back: %w", name, c.last)
		}
	}
	r.Eetcd = max(0, callers["eetcd"].success.Sub(back))
	r.ClientV3 = max(0, callers["clientv3"].success.Sub(back))
	r.Failed = len(callers["eetcd"].failures)
	for _, f := range callers["eetcd"].failures {
		if f.end.Sub(struck) > patience+perCall {
			r.SlowestFailure = max(r.SlowestFailure, f.end.Sub(f.start))
		}
	}
	r.Kept = fate(life, saved, back)
	if told.IsZero() {
		return r, fmt.Errorf("the keeper of a lease of %v says nothing of its end", lost.TTL())
	}
	r.Told = told.Sub(lost.ValidUntil())
	return r, nil
}

func keep(parent context.Context, r kv.Request, ttl time.Duration) (*lease.Keeper, error) {
	granted, err := lease.Grant(parent, r, ttl)
	if err != nil {
		return nil, err
	}
	return lease.KeepAlive(parent, r, granted.GetID())
}

// fate waits until a lease has been renewed after a time, or is lost, and returns the reason of the loss.
func fate(parent context.Context, k *lease.Keeper, after time.Time) error {
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		for renewal := range k.Renewals() {
			if renewal.Sent.After(after) {
				return
			}
		}
	}()
	select {
	case <-renewed:
		return k.Err()
	case <-parent.Done():
		return errors.Join(k.Err(), parent.Err())
	}
}

// caller makes calls until one succeeds.
type caller struct {
	failures []failure
	last     error
	success  time.Time
}

type failure struct{ start, end time.Time }

func (c *caller) run(life context.Context, get func(context.Context) error) {
	for life.Err() == nil {
		f := failure{start: time.Now()}
		ctx, cancel := context.WithTimeout(life, perCall)
		c.last = get(ctx)
		cancel()
		f.end = time.Now()
		if c.last == nil {
			c.success = f.end
			return
		}
		c.failures = append(c.failures, f)
		time.Sleep(pause)
	}
}

// firstAnswer returns when a member first answered a read, over a fresh connection each time.
func firstAnswer(parent context.Context, endpoint string) (time.Time, error) {
	for {
		cc, err := clients.Dial(endpoint)
		if err != nil {
			return time.Time{}, err
		}
		ctx, cancel := context.WithTimeout(parent, time.Second)
		_, err = pb.NewKVClient(cc).Range(ctx, &pb.RangeRequest{Key: []byte(key)})
		cancel()
		if err := errors.Join(cc.Close(), parent.Err()); err != nil {
			return time.Time{}, err
		}
		if err == nil {
			return time.Now(), nil
		}
		time.Sleep(pause)
	}
}
