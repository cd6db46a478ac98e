// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// refusal is the type of the errors of this package for what it refuses before anything is sent.
type refusal string

func (r refusal) Error() string { return string(r) }

// NotSent tells etcderr.OutcomeOf that the request never left the process.
func (refusal) NotSent() bool { return true }

var (
	// ErrConflict says that another client changed what the run had read, in every try, or that the revision that it read was
	// compacted. Nothing was written.
	ErrConflict = errors.New("stm: conflict")
	// ErrEnded says that a Tx was used after the function that received it had returned.
	ErrEnded error = refusal("stm: the transaction has ended")
)

// overtaken is the error of a try that failed because of what others did.
type overtaken struct {
	why    error
	likely []span          // what the next try is likely to read; empty where it was not read again
	news   *pb.TxnResponse // the answers to these reads
}

func (o *overtaken) Error() string { return o.why.Error() }

// errGuard is why a transaction was not applied. FailedPrecondition makes it a refusal without effect.
var errGuard = etcderr.FromRPC(
	status.Error(codes.FailedPrecondition, "what the transaction has read, or was to write, has been changed meanwhile"),
	etcderr.Call{Method: pb.KV_Txn_FullMethodName, Sent: true},
)

// readFailure is the failure of a request that only read. The outcome of that request may be unknown, but the transaction was
// not sent.
type readFailure struct{ err error }

func (e *readFailure) Error() string { return "stm: nothing was written: " + e.err.Error() }
func (e *readFailure) Unwrap() error { return e.err }
func (*readFailure) NotSent() bool   { return true }

func ofRead(err error) error {
	if etcderr.OutcomeOf(err) != etcderr.Unknown {
		return err
	}
	return &readFailure{err: err}
}

// ended returns the error of a run whose context ended before fn ran.
func ended(life context.Context) error {
	return etcderr.FromRPC(life.Err(), etcderr.Call{Method: pb.KV_Txn_FullMethodName, Cause: tell.Ended(life)})
}
