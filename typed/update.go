// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/kv"
)

// The pauses between the rounds of an update: none before the second round, then pauseMin, twice as much each time, up to
// pauseMax, each plus or minus one half.
const (
	pauseMin = 5 * time.Millisecond
	pauseMax = 500 * time.Millisecond
)

// Update changes the value of one key by compare and swap: it reads the value, calls f with it, and writes what f returns,
// provided that nobody has written the key meanwhile. Otherwise it begins another round with the newer value. The entry that it
// returns is what it wrote.
//
// there is false for a key that is not there, and old is the zero value then. f may be called several times, so it should
// have no effect but its result. It may change old and return it. An error of f ends the update with nothing written, and is
// returned as it is. So does a panic of f, which is the caller's.
//
// The key keeps the lease that it has, unless the store names one by WithLease. The second round begins at once. Before each later one
// there is a pause of 5 ms, doubled each time up to 500 ms, plus or minus one half. The rounds go on until the time is up: that is
// WithTimeout or the deadline of parent, or 5 s if there is neither (conn.WithDefaultTimeout). The error is [ErrConflict] then.
//
// # Lost answers
//
// The comparison is by mod revision and not by value, so the servers carry out the same write once at most. If the answer to a write is
// lost, Update sends the same write again: if that succeeds, it is the one that counts. If that is refused, the history of the key
// tells. If the next version of the key has another value, the write was not applied, and another round begins. If it
// has the value that Update has sent, this client may have written it, or another one that sent the same. Then Update fails with an
// error whose etcderr.OutcomeOf is Unknown, and so it does if the history is compacted, or the time is up before
// the outcome is clear. With every other error nothing was written. To leave time for this, each write has half of the time that is left.
//
// One case cannot be seen. If the answer to a write that creates the key is lost, and the servers carry it out only after another
// client has deleted the key that Update has created by then, it creates the key again.
//
// It calls KV/Range and KV/Txn, and after a lost answer Watch/Watch.
func (s Store[V]) Update(parent context.Context, key string, f func(old V, there bool) (V, error)) (Entry[V], error) {
	err := s.check(parent, writes, key)
	if f == nil {
		err = ctx.AlsoInvalid(err, "typed: the function of the update is nil")
	}
	if err != nil {
		return Entry[V]{}, err
	}
	life, cancel, err := s.bounded(parent)
	if err != nil {
		return Entry[V]{}, err
	}
	defer cancel()
	u := update[V]{
		Store: s, life: life, to: s.to(), key: key, f: f,
		pauses: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(pauseMin), backoff.WithMaxInterval(pauseMax), backoff.WithMultiplier(2),
			backoff.WithMaxElapsedTime(0),
		),
	}
	return u.run()
}

// bounded is parent with the time of an update.
func (s Store[V]) bounded(parent context.Context) (context.Context, context.CancelFunc, error) {
	to, err := engine.Lookup(s.c.Conn())
	if err != nil {
		return nil, nil, err
	}
	timeout, given := s.c.Timeout()
	if _, bounded := parent.Deadline(); !given && bounded {
		life, cancel := context.WithCancel(parent)
		return life, cancel, nil
	}
	if !given {
		timeout = to.DefaultTimeout()
	}
	life, cancel := context.WithTimeout(parent, timeout)
	return life, cancel, nil
}

// update is one call of Update.
type update[V any] struct {
	Store[V]
	life   context.Context
	to     ctx.Ctx // the time of its requests is that of the update
	key    string
	f      func(V, bool) (V, error)
	rounds int
	pauses backoff.BackOff
}

// state is what a key was at a revision. pair is nil if the key was not there.
type state struct {
	pair *mvccpb.KeyValue
	rev  int64
}

func (u *update[V]) run() (Entry[V], error) {
	before, err := u.read()
	for err == nil {
		var entry Entry[V]
		var now *state
		entry, now, err = u.round(before)
		if err == nil && now == nil {
			return entry, nil
		}
		if err == nil {
			before, err = u.next(now)
		}
	}
	return Entry[V]{}, err
}

// round is one attempt to change what the key was before. If another client was faster, it returns what the key is now.
func (u *update[V]) round(before *state) (Entry[V], *state, error) {
	u.rounds++
	entry := Entry[V]{Key: u.key}
	if before.pair != nil {
		var err error
		if entry, err = u.entry(before.pair); err != nil {
			return Entry[V]{}, nil, err
		}
	}
	value, err := u.f(entry.Value, before.pair != nil)
	if err != nil {
		return Entry[V]{}, nil, err
	}
	whole := u.whole(u.key)
	data, err := encode(u.codec, whole, value)
	if err != nil {
		return Entry[V]{}, nil, err
	}
	if lease := u.c.Lease(); lease != 0 {
		entry.Lease = lease
	}
	g := guarded{to: u.to, put: put(u.to, whole, data, entry.Lease), before: before}
	rev, now, err := g.send(u.life)
	if err != nil || now != nil {
		return Entry[V]{}, now, sized(err, whole, data)
	}
	entry.Value, entry.ModRev = value, rev
	entry.Version++
	if before.pair == nil {
		entry.CreateRev = rev
	}
	return entry, nil, nil
}

// next waits for the next round, and returns what the key is then. now is good enough for a round that begins at once.
func (u *update[V]) next(now *state) (*state, error) {
	if u.rounds > 1 {
		wait.For(u.life, u.pauses.NextBackOff())
	}
	if u.life.Err() != nil {
		return nil, conflict(u.life, u.whole(u.key), u.rounds)
	}
	if u.rounds == 1 && now.rev > 0 {
		return now, nil
	}
	return u.read()
}

// read reads the key.
func (u *update[V]) read() (*state, error) {
	response, err := kv.Get(u.life, u.to.WithKey(u.whole(u.key)))
	switch {
	case err == nil:
		return &state{one(response), response.GetHeader().GetRevision()}, nil
	case u.rounds > 0 && u.life.Err() != nil:
		return nil, conflict(u.life, u.whole(u.key), u.rounds)
	case etcderr.OutcomeOf(err) == etcderr.Unknown:
		return nil, &nothingWritten{err}
	default:
		return nil, err
	}
}
