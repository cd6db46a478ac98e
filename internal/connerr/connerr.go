// SPDX-License-Identifier: Apache-2.0

// Package connerr holds the errors with which the SDK refuses a request before anything is sent. Package conn documents
// them, and exports the same values.
package connerr

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// refusal is a sentinel of what is refused before anything is sent.
type refusal struct {
	code codes.Code
	text string
}

func (r *refusal) Error() string { return r.text }

// NotSent tells etcderr.OutcomeOf that the request never left the process.
func (*refusal) NotSent() bool { return true }

// GRPCStatus tells programs that judge errors by their gRPC code, such as etcd's own client, what to do about it.
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

// ErrNilContext is what a call without a parent context gets instead of a panic deep in gRPC.
var ErrNilContext error = &refusal{codes.InvalidArgument, "conn: the parent context is nil"}

// ErrNoFunction is what Go gets instead of a panic on a goroutine where nobody can recover from it.
var ErrNoFunction error = &refusal{codes.InvalidArgument, "conn: there is no function to run"}

// ErrNoWriter is what WriteInfo gets for a nil writer.
var ErrNoWriter error = &refusal{codes.InvalidArgument, "conn: there is no writer to write to"}

// Closed is ErrClosed of a connection.
func Closed(name string) error { return fmt.Errorf("%w: %q", ErrClosed, name) }

// All is everything that is wrong with what was given: nil, the one error, or all of them in one line.
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

// several is more than one error, in a text of one line.
type several []error

func (s several) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (s several) Unwrap() []error { return s }
