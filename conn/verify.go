// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
)

var (
	errNotServing = errors.New("the member reports NOT_SERVING")
	errLost       = errors.New("connection lost")
)

// vitals is what a member says of itself.
type vitals struct {
	version string
	member  uint64
	leads   bool
	learner bool
}

// verify asks a member whether it can take requests: whether it is healthy, takes the token where there are credentials,
// and knows a leader. It waits for the connection to come up first.
func (t *transport) verify(parent context.Context, c *Conn) error {
	err := verify(parent, t, c.tokens, c.opts.connectTimeout)
	if err == nil || servesLittle(err) {
		t.heardFrom(clock())
	}
	return err
}

func verify(parent context.Context, tr *transport, t *tokens, timeout time.Duration) error {
	cc := tr.cc
	late := lateError(timeout)
	deadline, cancel := withOwnTime(parent, timeout, late)
	defer cancel()
	explain := func(check string, err error) error {
		if deadline.Err() != nil {
			err = context.Cause(deadline)
		}
		return &checkError{check: check, err: err}
	}
	if err := checkHealth(deadline, cc); err != nil {
		if errors.Is(err, etcderr.ErrNotSupportedForLearner) {
			_ = tr.checkLeader(deadline) // for its version
		}
		return explain(healthCheck, err)
	}
	if used := t.used(); used != nil && used.metadata == nil {
		if err := t.renew(deadline, cc, used, time.Now()); err != nil {
			return explain(userCheck, err)
		}
	}
	used := t.used()
	err := tr.checkLeader(deadline)
	for renewed := false; !renewed && t.refused(used, err); {
		if err := t.renew(deadline, cc, used, time.Now()); err != nil {
			return explain(userCheck, err)
		}
		renewed = t.used() != used
		used = t.used()
		err = tr.checkLeader(deadline)
	}
	if err == nil || inconclusive(err) {
		return nil
	}
	return explain(leaderCheck, err)
}

// inconclusive reports whether a server with auth on has refused the question for its leader, which leaves it open; the
// caller's own request will get the answer that matters.
func inconclusive(err error) bool {
	return errors.Is(err, etcderr.ErrUserEmpty) || errors.Is(err, etcderr.ErrInvalidAuthToken) || errors.Is(err, etcderr.ErrPermissionDenied)
}

const (
	healthCheck = "health check"
	userCheck   = "authentication"
	leaderCheck = "leader check"
)

// lateError is a check that took too long.
type lateError time.Duration

func (e lateError) Error() string { return fmt.Sprintf("no answer within %v", time.Duration(e)) }

// examine verifies a link in service. It tells a slow member from a silent one, since to freeze the slow ones leaves an
// overloaded cluster with no endpoint at all: what answers calls meanwhile passes, and a member is asked once more where
// it has answered half of the check, or where its endpoint is the last in service and the calls depend on it.
func (c *Conn) examine(l *link) error {
	for again := false; ; again = true {
		answers := l.answers.Load()
		err := l.verify(l.up, c)
		var check *checkError
		var late lateError
		if !errors.As(err, &check) || !errors.As(err, &late) || l.up.Err() != nil {
			return err
		}
		if l.answers.Load() != answers {
			return nil
		}
		last := c.opts.mode == ConnectAll && c.rotation.only(l)
		if again || !last && check.check != leaderCheck {
			return err
		}
	}
}

// checkError is a check that an endpoint did not pass. Its text is the reason that Info shows: the endpoint stands
// beside it there, and the outcome of a check is nobody's concern.
type checkError struct {
	check string
	err   error
}

func (e *checkError) Error() string {
	var answer *etcderr.Error
	if errors.As(e.err, &answer) {
		return e.check + ": " + answer.Message()
	}
	return e.check + ": " + tell.Line(e.err.Error())
}

func (e *checkError) Unwrap() error { return e.err }

// below replaces what gRPC says of a failed attempt to connect by what happened beneath it, where that is known.
func below(err error, under *transportErrors, a address) error {
	if etcderr.OutcomeOf(err) != etcderr.Unknown {
		return err // an answer
	}
	if cause := under.get(); cause != nil {
		return cause
	}
	if a.secure && status.Code(err) == codes.Unavailable {
		// TLS 1.3 lets the client's side of a handshake succeed that the server then refuses.
		return fmt.Errorf("the server closed the connection after the TLS handshake; it may require another client certificate: %w", err)
	}
	return err
}

func checkHealth(parent context.Context, cc *grpc.ClientConn) error {
	health := healthpb.NewHealthClient(cc)
	answer, err := health.Check(parent, &healthpb.HealthCheckRequest{})
	if err != nil {
		if status.Code(err) == codes.Unimplemented { // a proxy or an old server: no news is good news
			return nil
		}
		return answered(err, healthpb.Health_Check_FullMethodName)
	}
	if answer.GetStatus() == healthpb.HealthCheckResponse_NOT_SERVING {
		return errNotServing
	}
	return nil
}

// checkLeader asks for the member's leader. A server that names neither leader nor member nor term, such as kine, holds no
// elections.
func (t *transport) checkLeader(parent context.Context) error {
	answer, err := pb.NewMaintenanceClient(t.cc).Status(parent, &pb.StatusRequest{})
	if err != nil {
		return answered(err, pb.Maintenance_Status_FullMethodName)
	}
	leader, member := answer.GetLeader(), answer.GetHeader().GetMemberId()
	t.vitals.Store(&vitals{
		version: answer.GetVersion(),
		member:  member,
		leads:   leader == member && leader != 0,
		learner: answer.GetIsLearner(),
	})
	if leader == 0 && (member != 0 || answer.GetRaftTerm() != 0) {
		return etcderr.ErrNoLeader
	}
	return nil
}

func answered(err error, method string) error {
	return etcderr.FromRPC(err, etcderr.Call{Method: method, Sent: true})
}
