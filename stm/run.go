// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/op"
)

const (
	pauseMin = 5 * time.Millisecond
	pauseMax = 500 * time.Millisecond
)

// run is what the tries of one run have in common.
type run struct {
	options
	servers
	fn        func(*Tx) error
	pauses    backoff.BackOff
	conflicts int

	// likely is what the next try is likely to read: one request fetches it before fn runs. news is the answer to that request
	// where it is there already, because the transaction of the try before read the same instead of writing.
	likely []span
	news   *pb.TxnResponse
}

// begin begins a try with what it is likely to read.
func (r *run) begin() (*Tx, error) {
	tx := &Tx{
		conflicts: r.conflicts, keepLease: r.keepLease, live: true,
		reads: newReads(r.servers, r.isolation), writes: writes{},
	}
	news := r.news
	r.news = nil
	if news == nil && len(r.likely) > 0 {
		var err error
		if news, err = r.txn(op.If().Then(gets(r.likely)...)); err != nil {
			return nil, ofRead(tooMany(err, 0, len(r.likely)))
		}
	}
	tx.reads.takeAhead(r.likely, news)
	return tx, nil
}

// try runs fn once and commits. The error is an overtaken where another try may succeed.
func (r *run) try() (*pb.TxnResponse, error) {
	tx, err := r.begin()
	if err != nil {
		return nil, err
	}
	defer tx.end() // before a panic of fn goes on
	err = r.fn(tx)
	failed := tx.end()
	switch {
	case errors.Is(failed, etcderr.ErrCompacted):
		return nil, &overtaken{why: failed} // whatever fn made of it
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, failed
	default:
		return commit(tx, r.isolation)
	}
}

// pause waits before the next try, or returns why there is none. The first retry comes at once, with what the lost transaction
// has read. Later ones read again after their pause, because what was read before it would be out of date.
func (r *run) pause(o *overtaken) error {
	if r.conflicts > r.maxRetries {
		return fmt.Errorf("%w in %d tries: %w", ErrConflict, r.conflicts, o.why)
	}
	if len(o.likely) > 0 {
		r.likely, r.news = o.likely, o.news
	}
	if r.conflicts > 1 {
		r.news = nil
		timer := time.NewTimer(r.pauses.NextBackOff())
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.life.Done():
		}
	}
	if r.life.Err() != nil {
		return fmt.Errorf("%w in %d tries: %w: %w", ErrConflict, r.conflicts, o.why, tell.Ended(r.life))
	}
	return nil
}
