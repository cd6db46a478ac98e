// SPDX-License-Identifier: Apache-2.0

// Package stm is software transactional memory. A function reads and writes keys as if it were alone. It runs again when
// another client has changed what it read.
//
//	_, err := stm.Run(ctx, stm.New("registry"), func(tx *stm.Tx) error {
//		balance, err := tx.Get("account/a")
//		if err != nil {
//			return err
//		}
//		if balance == "" {
//			return errNoAccount // nothing is written
//		}
//		tx.Put("account/a", withdraw(balance))
//		return nil
//	})
//
// A read goes to the servers, and its result is kept. Writes wait until the function returns. Then one transaction makes all of
// them, guarded by what was read: see [Isolation]. If a guard does not hold, nothing is written and the function runs again:
// at once the first time, later after pauses that grow from 5 ms to 500 ms, until the deadline or [WithMaxRetries].
//
// # Limits
//
// A server takes 128 guards and 128 writes in a transaction unless it is configured otherwise. It refuses more with
// [etcderr.ErrTooManyOps]. These are the guards:
//
//   - each key that was read, and each key that a range returned, since nothing else shows its deletion;
//   - each range that was read;
//   - with SerializableSnapshot, each key that was written without a read.
//
// Nested transactions share the limit. With [WithKeepLease] a put of a key that was not read is nested in a
// transaction of its own, and so is each put with ReadCommitted. That leaves room for 127 writes. A transaction that only reads,
// with SerializableSnapshot or Serializable, has no guards and no limit.
//
// It has no counterpart in eetcd.
package stm

import (
	"context"
	"errors"
	"math"

	"github.com/cenkalti/backoff/v4"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Run runs fn, and writes what fn has put and deleted in one transaction. If another client changed what fn has read, Run runs
// fn again. So fn must have no effect except through tx. The request c names the connection. WithTimeout limits the run with
// all its tries. Without it, the limit is the deadline of parent, or else the default timeout of the connection. The limit
// interrupts the calls on tx, and not fn itself.
//
// The response is that of the transaction. Its Responses answer the writes in the order of their keys. If there is nothing to
// write and nothing to guard, no transaction is sent. The response then is Succeeded and has the header of the first read. With
// SerializableSnapshot and Serializable everything was read at the revision of that header. If nothing was read either, the
// header is empty.
//
// An error of fn ends the run with nothing written, and Run returns it as it is. The first error that tx has returned does the
// same, even if fn returns nil. A panic of fn reaches the caller, and nothing is written. Other errors are:
//
//   - [kv.ErrInvalid] for a request or an option with a mistake, and conn.ErrNotOpen if no connection of that name is open.
//     Then fn has not run.
//   - [ErrConflict] if conflicts used up the time, or WithMaxRetries. If it was the time, the error is also
//     context.DeadlineExceeded or context.Canceled.
//   - An [*etcderr.Error], or an error of package conn, of a request that failed.
//
// [etcderr.OutcomeOf] such an error is Unknown only if the transaction may have been applied. Run does not send it again then,
// since it could be applied twice. With every other outcome nothing was written.
//
// Run is safe for concurrent use. It calls KV/Range and KV/Txn.
func Run(parent context.Context, c Request, fn func(tx *Tx) error, opts ...Option) (*pb.TxnResponse, error) {
	o, err := check(parent, c, fn, opts)
	if err != nil {
		return nil, err
	}
	to, err := engine.Lookup(sealed.Ctx(c).Conn())
	if err != nil {
		return nil, err
	}
	life, cancel := bounded(parent, c, to.DefaultTimeout())
	defer cancel()
	r := &run{
		options: o,
		servers: servers{life: life, to: requestOf(c)},
		fn:      fn,
		likely:  spansOf(o.prefetch),
		pauses: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(pauseMin), backoff.WithMaxInterval(pauseMax), backoff.WithMultiplier(2),
			backoff.WithMaxElapsedTime(0),
		),
	}
	if life.Err() != nil {
		return nil, ended(life)
	}
	for {
		response, err := r.try()
		var o *overtaken
		if !errors.As(err, &o) {
			return response, err
		}
		r.conflicts++
		if err := r.pause(o); err != nil {
			return nil, err
		}
	}
}

// check reports all mistakes in a run at once.
func check(parent context.Context, c Request, fn func(*Tx) error, opts []Option) (options, error) {
	o := options{maxRetries: math.MaxInt}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	err := render.Check(c, "an stm run", 0)
	if parent == nil {
		err = render.AlsoInvalid(err, "stm: the parent context is nil")
	}
	if fn == nil {
		err = render.AlsoInvalid(err, "stm: the function to run is nil")
	}
	for _, conflict := range o.wrong() {
		err = render.AlsoInvalid(err, conflict)
	}
	return o, err
}
