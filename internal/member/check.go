// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
)

var errNotServing = errors.New("the member reports NOT_SERVING")

// verify waits for the connection to come up. Then it asks whether the member can take requests: whether it is
// healthy, accepts the token where there are credentials, and knows a leader. All its questions share the timeout.
func verify(parent context.Context, t *transport, c *Config, timeout time.Duration) error {
	e := examination{transport: t, config: c, timeout: timeout, parent: parent}
	err := e.run()
	if err == nil || servesLittle(err) {
		t.HeardFrom(Clock())
	}
	return err
}

// examination is one check of a member. All its questions share a timeout. An authentication has its own
// time, because the server needs long to check a password. If many clients come back at once and each one gives up
// early, each starts that work again.
type examination struct {
	*transport
	config   *Config
	timeout  time.Duration
	parent   context.Context
	deadline context.Context // of the questions
	cancel   context.CancelFunc
}

func (e *examination) run() error {
	e.begin()
	defer func() { e.cancel() }()
	direct, err := checkHealth(e.deadline, e.line)
	if err != nil {
		if errors.Is(err, etcderr.ErrNotSupportedForLearner) {
			_ = checkLeader(e.deadline, e.transport, direct) // for its version
		}
		return failed(healthCheck, e.deadline, err)
	}
	tokens := e.config.Tokens
	if used := tokens.Used(); used != nil && used.metadata == nil {
		if err := e.authenticate(used, time.Now()); err != nil {
			return err
		}
	}
	used, asked := tokens.Used(), time.Now()
	err = checkLeader(e.deadline, e.transport, direct)
	for renewed := false; !renewed && tokens.Refused(used, err); {
		if err := e.authenticate(used, asked); err != nil {
			return err
		}
		renewed = tokens.Used() != used
		used, asked = tokens.Used(), time.Now()
		err = checkLeader(e.deadline, e.transport, direct)
	}
	if err == nil || inconclusive(err) {
		return nil
	}
	return failed(leaderCheck, e.deadline, err)
}

// begin starts the time for the questions.
func (e *examination) begin() {
	e.deadline, e.cancel = wait.WithOwnTime(e.parent, e.timeout, lateError(e.timeout))
}

// authenticate replaces the token that was used. The questions after it get their full time again.
func (e *examination) authenticate(used *Token, asked time.Time) error {
	e.cancel()
	timeout := e.config.LoginTimeout
	limited, cancel := wait.WithOwnTime(e.parent, timeout, lateError(timeout))
	defer cancel()
	err := e.config.Tokens.renew(limited, e.line, used, asked)
	e.begin()
	if err != nil {
		return failed(userCheck, limited, err)
	}
	return nil
}

// failed returns the error of a check that failed with err, or ran out of time.
func failed(check string, limited context.Context, err error) error {
	if limited.Err() != nil {
		err = context.Cause(limited)
	}
	return &checkError{check: check, err: err}
}

// servesLittle reports whether err comes from a healthy member that serves only what needs no leader.
func servesLittle(err error) bool {
	return errors.Is(err, etcderr.ErrNotSupportedForLearner) || errors.Is(err, etcderr.ErrNoLeader)
}

// inconclusive reports whether a server with authentication refused the question for its leader. The check passes
// then: the caller's own request gets the refusal that matters.
func inconclusive(err error) bool {
	return errors.Is(err, etcderr.ErrUserEmpty) || errors.Is(err, etcderr.ErrInvalidAuthToken) ||
		errors.Is(err, etcderr.ErrPermissionDenied)
}

const (
	healthCheck = "health check"
	userCheck   = "authentication"
	leaderCheck = "leader check"
)

// checkError is the failure of a check. Info shows its text beside the endpoint, so the text names no endpoint and no
// outcome.
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

// broke reports whether a check failed because its connection broke. gRPC fails the check first, and reports the new state of the
// line a moment later.
func broke(err error) bool {
	var e *etcderr.Error
	return errors.As(err, &e) && e.Code() == codes.Unavailable && e.Outcome() != etcderr.Rejected
}

// checkHealth asks whether the server is well. direct says that it may be a member itself: etcd's gRPC proxy has no health service, nor has
// a very old member.
func checkHealth(parent context.Context, cc grpc.ClientConnInterface) (direct bool, err error) {
	health := healthpb.NewHealthClient(cc)
	answer, err := health.Check(parent, &healthpb.HealthCheckRequest{})
	if err != nil {
		if status.Code(err) == codes.Unimplemented {
			return false, nil
		}
		return true, answered(err, healthpb.Health_Check_FullMethodName)
	}
	if answer.GetStatus() == healthpb.HealthCheckResponse_NOT_SERVING {
		return true, errNotServing
	}
	return true, nil
}

// checkLeader asks the member for its leader. A server that names neither leader nor member nor term, such as kine,
// holds no elections and passes.
func checkLeader(parent context.Context, t *transport, direct bool) error {
	answer, err := pb.NewMaintenanceClient(t.line).Status(parent, &pb.StatusRequest{})
	if err != nil {
		return answered(err, pb.Maintenance_Status_FullMethodName)
	}
	leader, member := answer.GetLeader(), answer.GetHeader().GetMemberId()
	t.vitals.Store(&vitals{
		version: answer.GetVersion(),
		member:  member,
		leads:   leader == member && leader != 0,
		direct:  direct,
		learner: answer.GetIsLearner(),
		fragile: fragile(answer.GetVersion()),
	})
	if leader == 0 && (member != 0 || answer.GetRaftTerm() != 0) {
		return etcderr.ErrNoLeader
	}
	return nil
}
