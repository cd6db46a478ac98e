// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/member"
	"github.com/eetcd-go/eetcd/internal/tell"
)

// errActiveAgain stands for the reason of an endpoint that has become Active since the request was refused.
var errActiveAgain = errors.New("active again")

// unavailable is ErrUnavailable with the states of the endpoints. Its text is made only on demand, because calls fail
// fast and often while every endpoint is frozen.
type unavailable struct {
	conn      string
	doing     string
	outage    time.Duration // how long it has lasted; 0: not told
	ended     error         // why the wait for an endpoint ended before its time, such as a deadline; nil: it did not
	endpoints []member.Snapshot
	last      error // what the call met before, on an endpoint that was Active then; may be nil
}

func (e *unavailable) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: connection %q", connerr.ErrUnavailable, e.conn)
	if e.outage > 0 {
		fmt.Fprintf(&b, " for %v", e.outage.Round(time.Millisecond))
	}
	if e.doing != "" {
		fmt.Fprintf(&b, ": %s", e.doing)
	}
	if e.ended != nil {
		fmt.Fprintf(&b, ": %v", e.ended)
	}
	separator := ": "
	for _, ep := range e.endpoints {
		reason := ep.Err
		switch {
		case ep.Returning:
			reason = member.ErrLost
		case ep.Active:
			reason = errActiveAgain
		}
		fmt.Fprintf(&b, "%s%s: %v", separator, ep.Address, reason)
		separator = "; "
	}
	if e.last != nil {
		fmt.Fprintf(&b, " (before that: %v)", e.last)
	}
	return tell.Line(b.String())
}

// NotSent is true for the whole request: a request gets here only if no attempt had an effect.
func (e *unavailable) NotSent() bool { return true }

// GRPCStatus returns the status of ErrUnavailable, or of the context's end that ended the wait.
func (e *unavailable) GRPCStatus() *status.Status {
	code := codes.Unavailable
	switch {
	case errors.Is(e.ended, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	case errors.Is(e.ended, context.Canceled):
		code = codes.Canceled
	}
	return status.New(code, e.Error())
}

func (e *unavailable) Unwrap() []error {
	causes := []error{connerr.ErrUnavailable}
	for _, err := range []error{e.ended, e.last} {
		if err != nil {
			causes = append(causes, err)
		}
	}
	for _, ep := range e.endpoints {
		if ep.Err != nil {
			causes = append(causes, outOfService{ep.Err})
		}
	}
	return causes
}

// outOfService is the reason why an endpoint is out of service. It may hold a member's answer to a check, which must
// not pass for an answer to the call.
type outOfService struct{ reason error }

func (o outOfService) Error() string        { return o.reason.Error() }
func (o outOfService) Is(target error) bool { return errors.Is(o.reason, target) }

func (o outOfService) As(target any) bool {
	_, answer := target.(**etcderr.Error)
	return !answer && errors.As(o.reason, target)
}

// Unavailable returns ErrUnavailable for a connection that is not open yet. ended is the reason why a wait for it
// ended.
func Unavailable(conn, doing string, ended error) error {
	return &unavailable{conn: conn, doing: doing, ended: ended}
}
