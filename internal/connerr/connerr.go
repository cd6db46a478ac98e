// SPDX-License-Identifier: Apache-2.0

// Package connerr holds the errors for requests that the SDK refuses before it sends anything. Package conn documents
// them, and exports the same values.
package connerr

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// refusal is the type of these errors.
type refusal struct {
	code codes.Code
	text string
}

func (r *refusal) Error() string { return r.text }

// NotSent tells etcderr.OutcomeOf that the request never left the process.
func (*refusal) NotSent() bool { return true }

// GRPCStatus gives programs a code to act on if they judge errors by their gRPC code, as etcd's own client does.
func (r *refusal) GRPCStatus() *status.Status { return status.New(r.code, r.text) }

// The errors that package conn exports under the same names.
var (
	ErrNotOpen     error = &refusal{codes.FailedPrecondition, "conn: not open"}
	ErrAlreadyOpen error = &refusal{codes.AlreadyExists, "conn: already open"}
	ErrClosed      error = &refusal{codes.Canceled, "conn: closed"}
	ErrUnavailable error = &refusal{codes.Unavailable, "conn: no endpoint is active"}
	ErrEndpoint    error = &refusal{codes.InvalidArgument, "conn: bad endpoint"}
	ErrOption      error = &refusal{codes.InvalidArgument, "conn: bad option"}
)

// ErrNilContext refuses a nil parent context, which gRPC would answer with a panic.
var ErrNilContext error = &refusal{codes.InvalidArgument, "conn: the parent context is nil"}

// ErrNoFunction refuses a nil function, which would panic on a goroutine where nobody recovers.
var ErrNoFunction error = &refusal{codes.InvalidArgument, "conn: there is no function to run"}

// ErrNoWriter refuses a nil writer in WriteInfo.
var ErrNoWriter error = &refusal{codes.InvalidArgument, "conn: there is no writer to write to"}

// Closed returns ErrClosed with the name of a connection.
func Closed(name string) error { return fmt.Errorf("%w: %q", ErrClosed, name) }

// All joins errors: nil for none, the error itself for one, and an error of one line for several.
func All(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	default:
		return several(errs)
	}
}

// several joins errors in a text of one line.
type several []error

func (s several) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (s several) Unwrap() []error { return s }
