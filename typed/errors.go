// SPDX-License-Identifier: Apache-2.0

package typed

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// The errors of a refused write or a missing key. errors.Is finds them. Nothing was written.
var (
	// ErrMissing: there is no such key.
	ErrMissing = errors.New("typed: no such key")
	// ErrExists: Create found the key there already.
	ErrExists = errors.New("typed: the key exists")
	// ErrConflict: the time of an Update was used up, and in each round another client had changed the key meanwhile.
	// errors.Is also finds context.DeadlineExceeded or context.Canceled.
	ErrConflict = errors.New("typed: conflict")
)

// refused is one of the errors above with its key.
type refused struct {
	what   error
	key    string
	more   string
	causes []error
}

func (e *refused) Error() string { return e.what.Error() + ": " + strconv.Quote(e.key) + e.more }

// Unwrap returns a refusal of a server beside the reason, for the outcome and the code.
func (e *refused) Unwrap() []error { return append([]error{e.what}, e.causes...) }

func refusal(what error, key, method string, code codes.Code) *refused {
	answer := etcderr.FromRPC(status.Error(code, what.Error()), etcderr.Call{Method: method, Sent: true})
	return &refused{what: what, key: key, causes: []error{answer}}
}

func missing(key, method string) error { return refusal(ErrMissing, key, method, codes.NotFound) }

func exists(key string) error {
	return refusal(ErrExists, key, pb.KV_Txn_FullMethodName, codes.AlreadyExists)
}

// conflict is the error of an update that was overtaken in each round until its time was up.
func conflict(life context.Context, key string, rounds int) error {
	ended := context.DeadlineExceeded
	if life.Err() != nil {
		ended = tell.Ended(life)
	}
	e := refusal(ErrConflict, key, pb.KV_Txn_FullMethodName, codes.FailedPrecondition)
	e.more = fmt.Sprintf(" in %d rounds: %v", rounds, ended)
	e.causes = append(e.causes, ended)
	return e
}

// CodecError is a value that its codec could not encode or decode. Nothing was written.
type CodecError struct {
	Key   string // the whole key
	Err   error  // of the codec
	Stack string // of the codec's panic; "" if it returned an error

	verb string
}

// Error returns key and reason in one line. The reason has the codec's own words.
func (e *CodecError) Error() string {
	return fmt.Sprintf("typed: %s %q: %s", e.verb, e.Key, tell.Line(e.Err.Error()))
}

// Unwrap returns Err.
func (e *CodecError) Unwrap() error { return e.Err }

// NotSent tells etcderr.OutcomeOf that nothing was written.
func (*CodecError) NotSent() bool { return true }

func panicked(said any) error {
	if err, ok := said.(error); ok {
		return fmt.Errorf("the codec panicked: %w", err)
	}
	return fmt.Errorf("the codec panicked: %v", said)
}

// nothingWritten is the failure of a read in an update. The outcome of the read may be unknown, but nothing was written.
type nothingWritten struct{ err error }

func (e *nothingWritten) Error() string { return "typed: nothing was written: " + e.err.Error() }
func (e *nothingWritten) Unwrap() error { return e.err }
func (*nothingWritten) NotSent() bool   { return true }

// unknown is the error of an update that may have been applied, or may still be. doubt is the failure of the first write of that
// kind. why is the reason why it could not be found out, or why the update ends.
type unknown struct {
	key        string
	doubt, why error
}

func (e *unknown) Error() string {
	text := fmt.Sprintf("typed: the update of %q may have been applied: %v", e.key, e.doubt)
	if e.why != nil {
		text += ": " + e.why.Error()
	}
	return text
}

func (e *unknown) Unwrap() []error {
	if e.why == nil {
		return []error{e.doubt}
	}
	return []error{e.doubt, e.why}
}

// NotSent tells etcderr.OutcomeOf that the outcome is Unknown, whatever that of why is.
func (*unknown) NotSent() bool { return false }
