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
	e := examination{transport: t, conn: c, parent: parent}
	err := e.run()
	if err == nil || servesLittle(err) {
		t.heardFrom(clock())
	}
	return err
}

// examination is one check of a member. Its questions have the connect timeout together. To authenticate has a time of its
// own, since the check of a password is expensive for the server: where many clients come back at once, each one that gave
// up would have it begin anew.
type examination struct {
	*transport
	conn     *Conn
	parent   context.Context
	deadline context.Context // of the questions
	cancel   context.CancelFunc
}

func (e *examination) run() error {
	e.begin()
	defer func() { e.cancel() }()
	if err := checkHealth(e.deadline, e.cc); err != nil {
		if errors.Is(err, etcderr.ErrNotSupportedForLearner) {
			_ = e.checkLeader(e.deadline) // for its version
		}
		return failed(healthCheck, e.deadline, err)
	}
	tokens := e.conn.tokens
	if used := tokens.used(); used != nil && used.metadata == nil {
		if err := e.authenticate(used, time.Now()); err != nil {
			return err
		}
	}
	used, asked := tokens.used(), time.Now()
	err := e.checkLeader(e.deadline)
	for renewed := false; !renewed && tokens.refused(used, err); {
		if err := e.authenticate(used, asked); err != nil {
			return err
		}
		renewed = tokens.used() != used
		used, asked = tokens.used(), time.Now()
		err = e.checkLeader(e.deadline)
	}
	if err == nil || inconclusive(err) {
		return nil
	}
	return failed(leaderCheck, e.deadline, err)
}

// begin begins the time for the questions.
func (e *examination) begin() {
	e.deadline, e.cancel = withOwnTime(e.parent, e.conn.opts.connectTimeout, lateError(e.conn.opts.connectTimeout))
}

// authenticate gets another token than the one used. The questions after it have their time again.
func (e *examination) authenticate(used *authToken, asked time.Time) error {
	e.cancel()
	timeout := e.conn.opts.loginTimeout()
	limited, cancel := withOwnTime(e.parent, timeout, lateError(timeout))
	defer cancel()
	err := e.conn.tokens.renew(limited, e.cc, used, asked)
	e.begin()
	if err != nil {
		return failed(userCheck, limited, err)
	}
	return nil
}

// failed is the error of a check that has failed with err, or because its time was up.
func failed(check string, limited context.Context, err error) error {
	if limited.Err() != nil {
		err = context.Cause(limited)
	}
	return &checkError{check: check, err: err}
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

// partOfAnswer is how many bytes are more than a transport sends by itself, though nobody behind it may be alive.
const partOfAnswer = 16 << 10

// examine verifies a link in service. It tells a slow member from a silent one, since to freeze the slow ones leaves an
// overloaded cluster with no endpoint at all. What answers calls meanwhile passes, and so does what sends a part of a long
// answer: that of the check may be behind it. A member is asked once more where it has answered half of the check, or where
// its endpoint is the last in service and the calls depend on it.
func (c *Conn) examine(l *link) error {
	for again := false; ; again = true {
		answers, received := l.answers.Load(), l.wire.received.Load()
		err := l.verify(l.up, c)
		var check *checkError
		var late lateError
		if !errors.As(err, &check) || !errors.As(err, &late) || l.up.Err() != nil {
			return err
		}
		if l.answers.Load() != answers || l.wire.received.Load()-received >= partOfAnswer {
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
func below(err error, w *wire, a address) error {
	if etcderr.OutcomeOf(err) != etcderr.Unknown {
		return err // an answer
	}
	if cause := w.get(); cause != nil {
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
