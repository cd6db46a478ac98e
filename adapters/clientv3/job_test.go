// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
)

const (
	readers = 64
	workers = 3 // of each kind
)

// count is what workers know of their calls.
type count struct{ done, unknown atomic.Int64 }

// job is a program under way. All its keys have a prefix.
type job struct {
	cli    *clientv3.Client
	prefix string

	reads, locked, remembered, led count
	uncertain                      atomic.Int64 // locks and campaigns of unknown outcome: their keys may be in the queue
	givenUp                        atomic.Int64 // rounds that ended before a write that might have had an effect
	first                          atomic.Value // failure

	life    context.Context
	halt    context.CancelFunc
	working sync.WaitGroup

	unwatch  context.CancelFunc
	watching sync.WaitGroup
	mu       sync.Mutex
	versions map[string]int64 // of the keys, as the watch has seen them
	gap      string

	sessions []*concurrency.Session
}

func startJob(parent context.Context, cli *clientv3.Client, prefix string) (*job, error) {
	j := &job{cli: cli, prefix: prefix, versions: map[string]int64{}}
	granted, err := cli.Grant(parent, 10)
	if err != nil {
		return nil, err
	}
	start, err := cli.Put(parent, prefix+"alive", "yes", clientv3.WithLease(granted.ID))
	if err != nil {
		return nil, err
	}
	j.life, j.halt = context.WithCancel(parent)
	watching, unwatch := context.WithCancel(parent)
	j.unwatch = unwatch
	renewals, err := cli.KeepAlive(watching, granted.ID)
	if err != nil {
		return nil, err
	}
	j.watching.Go(func() {
		for range renewals {
		}
	})
	watch := cli.Watch(watching, prefix, clientv3.WithPrefix(), clientv3.WithRev(start.Header.Revision+1))
	j.watching.Go(func() { j.watch(watch) })
	for range readers {
		j.working.Go(func() { j.repeat(j.read) })
	}
	for i := range workers {
		session, err := concurrency.NewSession(cli, concurrency.WithTTL(30))
		if err != nil {
			return nil, err
		}
		j.sessions = append(j.sessions, session)
		mutex := concurrency.NewMutex(session, prefix+"mutex")
		candidate := concurrency.NewElection(session, prefix+"election")
		j.working.Go(func() { j.repeat(func(ctx context.Context) { j.lock(ctx, mutex) }) })
		j.working.Go(func() { j.repeat(j.remember) })
		j.working.Go(func() { j.repeat(func(ctx context.Context) { j.lead(ctx, candidate, fmt.Sprint(i)) }) })
	}
	return j, nil
}

// stop ends the workers, and the watch once it has seen what they wrote.
func (j *job) stop() {
	j.halt()
	j.working.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, what := range []string{"lock", "stm", "lead"} {
		for answer, err := j.cli.Get(ctx, j.prefix+what); ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			if err == nil && (len(answer.Kvs) == 0 || j.seen(what) >= answer.Kvs[0].Version) {
				break
			}
		}
	}
	j.unwatch()
	j.watching.Wait()
	for _, s := range j.sessions {
		_ = s.Close()
	}
	j.sessions = nil
}

func (j *job) repeat(f func(context.Context)) {
	for j.life.Err() == nil {
		ctx, cancel := context.WithTimeout(context.Background(), perCall)
		f(ctx)
		cancel()
		time.Sleep(20 * time.Millisecond)
	}
}

// unknown is the number of operations whose outcome is unknown.
func (j *job) unknown() int64 {
	return j.locked.unknown.Load() + j.remembered.unknown.Load() + j.led.unknown.Load() + j.uncertain.Load()
}

func (j *job) failed(n *atomic.Int64, err error) {
	n.Add(1)
	j.first.CompareAndSwap(nil, fmt.Sprint(err))
}

// failedWrite counts an operation that failed.
func (j *job) failedWrite(unknown *atomic.Int64, err error) {
	if outcome(err) == etcderr.Unknown {
		j.failed(unknown, err)
	} else {
		j.failed(&j.givenUp, err)
	}
}

// outcome returns what became of a request over either client.
func outcome(err error) etcderr.Outcome {
	var server rpctypes.EtcdError
	if errors.As(err, &server) {
		err = etcderr.FromRPC(status.Error(server.Code(), server.Error()), etcderr.Call{Sent: true})
	}
	return etcderr.OutcomeOf(err)
}

func (j *job) read(ctx context.Context) {
	if _, err := j.cli.Get(ctx, j.prefix+"alive"); err != nil {
		j.failed(&j.reads.unknown, err)
		return
	}
	j.reads.done.Add(1)
}

// increment adds one to a count under a guard that says that no one else does.
func (j *job) increment(ctx context.Context, what string, n *count, guard clientv3.Cmp) {
	answer, err := j.cli.Get(ctx, j.prefix+what)
	if err != nil {
		j.failed(&j.givenUp, err)
		return
	}
	var old int64
	if len(answer.Kvs) > 0 {
		old = number(answer.Kvs[0].Value)
	}
	written, err := j.cli.Txn(ctx).If(guard).Then(clientv3.OpPut(j.prefix+what, strconv.FormatInt(old+1, 10))).Commit()
	switch {
	case err != nil:
		j.failedWrite(&n.unknown, err)
	case written.Succeeded:
		n.done.Add(1)
	}
}

func (j *job) lock(ctx context.Context, mutex *concurrency.Mutex) {
	if err := mutex.Lock(ctx); err != nil {
		j.failedWrite(&j.uncertain, err)
		return
	}
	j.increment(ctx, "lock", &j.locked, mutex.IsOwner())
	j.insist(func(ctx context.Context) error {
		if err := mutex.Unlock(ctx); !errors.Is(err, concurrency.ErrLockReleased) {
			return err
		}
		return nil
	})
}

func (j *job) lead(ctx context.Context, e *concurrency.Election, value string) {
	if err := e.Campaign(ctx, value); err != nil {
		j.failedWrite(&j.uncertain, err)
		return
	}
	j.increment(ctx, "lead", &j.led, clientv3.Compare(clientv3.CreateRevision(e.Key()), "=", e.Rev()))
	j.insist(e.Resign)
}

func (j *job) remember(ctx context.Context) {
	_, err := concurrency.NewSTM(j.cli, func(tx concurrency.STM) error {
		tx.Put(j.prefix+"stm", strconv.FormatInt(number([]byte(tx.Get(j.prefix+"stm")))+1, 10))
		return nil
	}, concurrency.WithAbortContext(ctx))
	if err != nil {
		j.failedWrite(&j.remembered.unknown, err)
		return
	}
	j.remembered.done.Add(1)
}

// insist tries until it succeeds: a lock that is not given back stops the others.
func (j *job) insist(f func(context.Context) error) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), perCall)
		err := f(ctx)
		cancel()
		if err == nil {
			return
		}
	}
}

func (j *job) watch(watch clientv3.WatchChan) {
	for response := range watch {
		j.mu.Lock()
		if err := response.Err(); err != nil {
			j.gap = err.Error()
		}
		for _, e := range response.Events {
			key := string(e.Kv.Key)
			if e.Type == clientv3.EventTypeDelete {
				continue // only keys of locks and candidates are deleted
			}
			if before := j.versions[key]; e.Kv.Version > 1 && e.Kv.Version != before+1 {
				j.gap = fmt.Sprintf("%s at version %d after %d", key, e.Kv.Version, before)
			}
			j.versions[key] = e.Kv.Version
		}
		j.mu.Unlock()
	}
}

func (j *job) seen(what string) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.versions[j.prefix+what]
}

func number(text []byte) int64 {
	n, _ := strconv.ParseInt(string(text), 10, 64)
	return n
}
