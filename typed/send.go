// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"errors"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/kv"
)

// send writes until it knows the outcome. It returns the revision of the write; or, if another client was faster, what the
// key is now; or an error, whose outcome is Unknown if it could not be found out.
func send(life context.Context, w *write) (rev int64, now *state, err error) {
	var doubt error // the first failure after which the write may have been applied
	var pause wait.Pause
	for {
		attempt, cancel := half(life)
		response, err := kv.Txn(attempt, w.to, w.txn())
		late := attempt.Err() != nil && life.Err() == nil
		cancel()
		switch {
		case err == nil:
			rev, now, err := outcome(w, response)
			switch {
			case err != nil && doubt != nil:
				return 0, nil, &unknown{w.key(), doubt, err}
			case err != nil:
				return 0, nil, &unknown{w.key(), err, nil}
			case doubt != nil:
				if now, err = resolve(life, w, rev, now); err != nil {
					return 0, nil, &unknown{w.key(), doubt, err}
				}
				if w.creates() && now != nil {
					w.late = doubt // once the key is missing again
				}
			}
			return rev, now, nil
		case etcderr.OutcomeOf(err) == etcderr.Unknown:
			if doubt == nil {
				doubt = err
			}
		case late: // it found no endpoint to go to
		case doubt != nil:
			return 0, nil, &unknown{w.key(), doubt, err}
		default:
			return 0, nil, err
		}
		switch over := !pause.Sleep(life); {
		case over && doubt == nil:
			return 0, nil, err
		case over && errors.Is(doubt, life.Err()):
			return 0, nil, &unknown{w.key(), doubt, nil}
		case over:
			return 0, nil, &unknown{w.key(), doubt, tell.Ended(life)}
		}
	}
}

// outcome takes the answer to a write apart: now is nil if the write was applied, and has no revision if the write does not ask what
// the key is now. The error is that of an answer to another question, as a broken proxy may give it.
func outcome(w *write, response *pb.TxnResponse) (rev int64, now *state, err error) {
	rev = response.GetHeader().GetRevision()
	switch {
	case response.GetSucceeded():
		return rev, nil, nil
	case w.creates():
		return 0, &state{}, nil
	}
	found, err := wire.RangeIn(response, 0)
	if err != nil {
		return 0, nil, err
	}
	return 0, &state{one(found), rev}, nil
}

const (
	// shortest is the time that is not divided between attempts any more.
	shortest = 500 * time.Millisecond
	// longest is what an attempt may take: a member that is paused answers nothing, and another one may do so.
	longest = 16 * time.Second
)

// half is life with half of the time that is left, so that there is time to find out what became of a write.
func half(life context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := life.Deadline()
	left := time.Until(deadline)
	if !bounded || left < shortest {
		return context.WithCancel(life)
	}
	return context.WithTimeout(life, min(left/2, longest))
}
