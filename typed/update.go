// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/kv"
)

// The pauses between the rounds of an update: none before the second round, then pauseMin, twice as much each time, up to
// pauseMax, each plus or minus one half.
const (
	pauseMin = 5 * time.Millisecond
	pauseMax = 500 * time.Millisecond
)

// moment is how long an update waits for its context to tell why it ended, once its deadline has passed.
const moment = 50 * time.Millisecond

// update is one call of Update.
type update[V any] struct {
	at     place
	codec  Codec[V]
	life   context.Context
	key    string
	f      func(V, bool) (V, error)
	rounds int
	late   error // why a creation in an earlier round may still be carried out; nil where none may
	pauses backoff.BackOff
}

func newPauses() backoff.BackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(pauseMin), backoff.WithMaxInterval(pauseMax), backoff.WithMultiplier(2),
		backoff.WithMaxElapsedTime(0),
	)
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
	var already *unknown
	if u.late != nil && !errors.As(err, &already) {
		err = &unknown{u.at.whole(u.key), u.late, err}
	}
	return Entry[V]{}, err
}

// round is one attempt to change what the key was before. If another client was faster, it returns what the key is now.
func (u *update[V]) round(before *state) (Entry[V], *state, error) {
	u.rounds++
	entry := Entry[V]{Key: u.key}
	if before.pair != nil {
		var err error
		if entry, err = entryOf(u.at, u.codec, before.pair); err != nil {
			return Entry[V]{}, nil, err
		}
	}
	value, err := u.f(entry.Value, before.pair != nil)
	if err != nil {
		return Entry[V]{}, nil, err
	}
	whole := u.at.whole(u.key)
	data, err := encode(u.codec, whole, value)
	if err != nil {
		return Entry[V]{}, nil, err
	}
	if lease := sealed.Ctx(u.at.c).Lease(); lease != 0 {
		entry.Lease = lease
	}
	to := u.at.to() // the time of requests is that of the update
	w := write{to: to, put: putOf(to, whole, data, entry.Lease), before: before}
	rev, now, err := send(u.life, &w)
	if w.late != nil {
		u.late = w.late
	}
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
		return nil, conflict(u.life, u.at.whole(u.key), u.rounds)
	}
	if u.rounds == 1 && now.rev > 0 {
		return now, nil
	}
	return u.read()
}

// read reads the key.
func (u *update[V]) read() (*state, error) {
	response, err := kv.Get(u.life, u.at.to().WithKey(u.at.whole(u.key)))
	switch {
	case err == nil:
		return &state{one(response), response.GetHeader().GetRevision()}, nil
	case u.rounds > 0 && u.over():
		return nil, conflict(u.life, u.at.whole(u.key), u.rounds)
	case etcderr.OutcomeOf(err) == etcderr.Unknown:
		return nil, &nothingWritten{err}
	default:
		return nil, err
	}
}

// over reports whether the time of the update is up. A call that ends for that reason may end a moment before life does.
func (u *update[V]) over() bool {
	if deadline, bounded := u.life.Deadline(); bounded && !time.Now().Before(deadline) {
		wait.For(u.life, moment) // no longer, since a context of the program's own may not end by its deadline at all
		return true
	}
	return u.life.Err() != nil
}
