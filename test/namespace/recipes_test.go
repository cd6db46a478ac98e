// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	theirs "go.etcd.io/etcd/client/v3/namespace"

	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/resolver"
	"github.com/eetcd-go/eetcd/stm"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/typed"
)

func useLock(w world) {
	base := lock.New(w.name).WithName("jobs")
	w.must(lock.Do(w.ctx, base, 10*time.Second, func(held context.Context, l lock.Held) error {
		w.wantStored("", l.Key)
		if !strings.HasPrefix(l.Key, "jobs/") {
			w.Errorf("the key of the lock is %q", l.Key)
		}
		if there, err := lock.Try(held, base, 10*time.Second, unexpected); there || err != nil {
			w.Errorf("Try beside a holder: %v, %v", there, err)
		}
		_, err := kv.Txn(held, kv.New(w.name), op.If(l.Guard()).Then(op.Put(kv.Key("done"))))
		return err
	}))
	w.wantStored("", "done")
	held, err := lock.Lock(w.ctx, base.WithLease(w.lease()))
	w.must(err)
	w.wantStored("", "done", string(held.GetKey()))
	_, err = lock.Unlock(w.ctx, lock.New(w.name).WithKeyBytes(held.GetKey()))
	w.must(err)
	acquired, err := lock.Acquire(w.ctx, base.WithLease(w.lease()))
	w.must(err)
	w.wantStored("", "done", acquired.Key)
	w.must(acquired.Release(w.ctx))
	w.wantStored("", "done")
}

func unexpected(context.Context, lock.Held) error { return errors.New("it has the lock") }

func useSharedLock(w world) {
	base := lock.New(w.name).WithName("jobs")
	for name, take := range map[string]func(func(context.Context, lock.Held) error) error{
		"Shared": func(f func(context.Context, lock.Held) error) error {
			return lock.Shared(w.ctx, base, 10*time.Second, f)
		},
		"Semaphore": func(f func(context.Context, lock.Held) error) error {
			return lock.Semaphore(w.ctx, base, 2, 10*time.Second, f)
		},
	} {
		w.must(take(func(_ context.Context, first lock.Held) error {
			return take(func(_ context.Context, second lock.Held) error {
				if keys := w.stored(); len(keys) != 3 || !slices.Contains(keys, first.Key) || !slices.Contains(keys, second.Key) {
					w.Errorf("%s beside %s: the store has the keys %q", name, name, keys)
				}
				return nil
			})
		}))
		w.wantStored("")
	}
}

// useLockOfOthers queues with clientv3's Mutex in clientv3's namespace.
func useLockOfOthers(w world) {
	other := clientv3.NewCtxClient(w.ctx)
	other.KV = theirs.NewKV(w.etcd.KV, w.prefix)
	other.Watcher = theirs.NewWatcher(w.etcd.Watcher, w.prefix)
	other.Lease = theirs.NewLease(w.etcd.Lease, w.prefix)
	session, err := concurrency.NewSession(other)
	w.must(err)
	defer session.Close()
	mutex := concurrency.NewMutex(session, "jobs")
	w.must(mutex.Lock(w.ctx))
	base := lock.New(w.name).WithName("jobs")
	if there, err := lock.Try(w.ctx, base, 10*time.Second, unexpected); there || err != nil {
		w.Errorf("Try beside a Mutex of clientv3: %v, %v", there, err)
	}
	unlocked := make(chan error, 1)
	time.AfterFunc(100*time.Millisecond, func() { unlocked <- mutex.Unlock(w.ctx) })
	w.must(lock.Do(w.ctx, base, 10*time.Second, func(held context.Context, _ lock.Held) error {
		w.must(<-unlocked)
		if err := mutex.TryLock(held); !errors.Is(err, concurrency.ErrLocked) {
			w.Errorf("a Mutex of clientv3 beside a holder: %v", err)
		}
		return nil
	}))
}

func useElection(w world) {
	base := election.New(w.name).WithName("boss")
	observer, err := election.Observe(w.ctx, base)
	w.must(err)
	defer observer.Close()
	won, err := election.Campaign(w.ctx, base.WithValue("one").WithLease(w.lease()))
	w.must(err)
	leader := won.GetLeader()
	if string(leader.GetName()) != "boss" || !strings.HasPrefix(string(leader.GetKey()), "boss/") {
		w.Errorf("the leader is %v", leader)
	}
	w.wantStored("", string(leader.GetKey()))
	_, err = election.Proclaim(w.ctx, election.New(w.name).WithLeader(leader).WithValue("two"))
	w.must(err)
	now, err := election.Leader(w.ctx, base)
	w.must(err)
	if string(now.GetKv().GetKey()) != string(leader.GetKey()) || string(now.GetKv().GetValue()) != "two" {
		w.Errorf("the leader is now %v", now.GetKv())
	}
	for seen, err := range observer.All() {
		w.must(err)
		if pair := seen.GetKv(); string(pair.GetValue()) == "two" {
			if string(pair.GetKey()) != string(leader.GetKey()) {
				w.Errorf("the observer sees the leader %v", pair)
			}
			break
		}
	}
	_, err = election.Resign(w.ctx, election.New(w.name).WithLeader(leader))
	w.must(err)
	w.wantStored("")
	w.must(election.Run(w.ctx, base, 10*time.Second, func(leading context.Context, l *election.Leadership) error {
		return l.Proclaim(leading, "three")
	}))
	w.wantStored("")
}

func useSTM(w world) {
	w.put("from", "to")
	_, err := stm.Run(w.ctx, stm.New(w.name), func(tx *stm.Tx) error {
		all, err := tx.Range(kv.Key("").WithPrefix())
		if err != nil {
			return err
		}
		for _, pair := range all {
			tx.Put("copy of "+string(pair.GetKey()), string(pair.GetValue()))
		}
		return nil
	})
	w.must(err)
	w.wantStored("", "copy of from", "copy of to", "from", "to")
}

func useTyped(w world) {
	numbers := typed.Of(typed.New(w.name).WithKey("numbers/"), typed.JSON[int]())
	_, err := numbers.Create(w.ctx, "a", 1)
	w.must(err)
	entry, err := numbers.Update(w.ctx, "a", func(old int, there bool) (int, error) { return old + 1, nil })
	w.must(err)
	if entry.Key != "a" || entry.Value != 2 {
		w.Errorf("the entry is %+v", entry)
	}
	w.wantStored("", "numbers/a")
	for entry, err := range numbers.All(w.ctx) {
		w.must(err)
		if entry.Key != "a" {
			w.Errorf("All gives %+v", entry)
		}
	}
}

func usePresence(w world) {
	p, err := presence.Keep(w.ctx, presence.New(w.name).WithKey("here").WithValue("1"), 5*time.Second)
	w.must(err)
	w.wantStored("", "here")
	created := func() int64 {
		r, err := kv.Get(w.ctx, kv.New(w.name).WithKey("here"))
		w.must(err)
		if len(r.GetKvs()) == 0 {
			return 0
		}
		return r.GetKvs()[0].GetCreateRevision()
	}
	first := created()
	_, err = kv.Delete(w.ctx, kv.New(w.name).WithKey("here"))
	w.must(err)
	for now := created(); now == 0 || now == first; now = created() {
		time.Sleep(10 * time.Millisecond)
	}
	w.must(p.Leave(w.ctx))
	w.wantStored("")
}

func useTable(w world) {
	w.put("a", "b")
	t, err := table.Follow(w.ctx, table.New(w.name).WithPrefix(), table.String)
	w.must(err)
	defer t.Close()
	_, err = kv.Delete(w.ctx, kv.New(w.name).WithKey("a"))
	w.must(err)
	put, err := kv.Put(w.ctx, kv.New(w.name).WithKey("c").WithValue("3"))
	w.must(err)
	w.must(t.WaitRev(w.ctx, put.GetHeader().GetRevision()))
	w.must(t.Sync(w.ctx))
	var got []string
	for entry := range t.Snapshot().All() {
		got = append(got, entry.Key+"="+entry.Value)
	}
	if want := []string{"b=of b", "c=3"}; !slices.Equal(got, want) {
		w.Errorf("the table has %q, want %q", got, want)
	}
}

func useResolver(w world) {
	p, err := resolver.Register(w.ctx, resolver.New(w.name).WithKey("services/billing"), resolver.Instance{Addr: "10.0.0.7:80"}, 5*time.Second)
	w.must(err)
	if keys := w.stored(); len(keys) != 2 || !strings.HasPrefix(keys[1], "services/billing/10.0.0.7:80") {
		w.Errorf("the store has the keys %q", keys)
	}
	w.must(p.Leave(w.ctx))
	w.wantStored("")
}
