// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// tokens gets the token of a connection's user, and another one when that is refused: once for all who are refused. One
// token serves every member, which learn of it from each other. A nil *tokens is that of a connection without credentials.
type tokens struct {
	ask func(context.Context) (user, password string, err error)

	current atomic.Pointer[authToken]

	mu      sync.Mutex
	renewal chan struct{} // closed when the renewal under way is over; nil: there is none
	failure error         // the answer to the last renewal, where that was a refusal
	until   time.Time     // when it is worth while to ask again after that
}

// authToken is what a member gave the user. The zero value is no token, which is right where auth is off.
type authToken struct {
	metadata map[string]string         // read by gRPC, never changed
	since    time.Time                 // when the answer came
	outdated atomic.Pointer[time.Time] // when a stream that was refused with it last asked for something; nil: none was
}

// afterRefusal is how long a refusal counts for other calls: a password that is wrong now is so in a moment, and to check
// it is dear for the server.
const afterRefusal = time.Second

// renewalsMax is how many tokens a call tries.
const renewalsMax = 3

// A member knows a simple token once it has applied the authentication. One that lags behind refuses it, and would know
// another one only later still, so a token that is refused this young is sent again. All of that takes less than the second
// that the check of an endpoint has by default.
const (
	tokenYoung = 500 * time.Millisecond
	tokenPause = 25 * time.Millisecond // before it is sent again, at least
)

func newTokens(ask func(context.Context) (user, password string, err error)) *tokens {
	t := &tokens{ask: ask}
	t.current.Store(&authToken{})
	return t
}

// used is the token that a request would be sent with now.
func (t *tokens) used() *authToken {
	if t == nil {
		return nil
	}
	return t.current.Load()
}

// refused reports whether err says that another token than the one used may help.
func (t *tokens) refused(used *authToken, err error) bool {
	if t == nil || err == nil {
		return false
	}
	return errors.Is(err, etcderr.ErrInvalidAuthToken) ||
		errors.Is(err, etcderr.ErrAuthOldRevision) && used.isJWT() ||
		used.metadata == nil && errors.Is(err, etcderr.ErrUserEmpty) // also the answer to a user name that is empty
}

// isJWT tells a JSON Web Token, which is signed together with the revision of users and roles that it was made at. With a
// simple token the members keep the user alone: if a request with it is refused for its revision, it was overtaken by a
// change of them, and another token, dear as it is, would help no more than to send the request again.
func (a *authToken) isJWT() bool { return strings.Count(a.metadata["token"], ".") == 2 }

// patience is how long after a request that was refused the token is to be sent again, 0 where it is not worth while. It
// grows with the age of the token, so that there are few such pauses. What counts is the age at which it was sent: how late
// this process comes to read the refusal says nothing of the member.
func (a *authToken) patience(asked time.Time) time.Duration {
	age := asked.Sub(a.since)
	if a.isJWT() || age >= tokenYoung {
		return 0
	}
	return max(age/2, tokenPause)
}

// renew gets another token than the one used for a request sent at that time, unless somebody has meanwhile, or is about to.
// It asks over cc. A token that was young then is kept, and renew returns when it is time to send it again.
func (t *tokens) renew(parent context.Context, cc *grpc.ClientConn, used *authToken, asked time.Time) error {
	for {
		t.mu.Lock()
		switch {
		case t.current.Load() != used:
			t.mu.Unlock()
			return nil
		case t.failure != nil && time.Now().Before(t.until):
			defer t.mu.Unlock()
			return t.failure
		}
		if again := used.patience(asked); again > 0 {
			t.mu.Unlock()
			if !wait.For(parent, again-time.Since(asked)) {
				return tell.Ended(parent)
			}
			return nil
		}
		underWay := t.renewal
		if underWay == nil {
			t.renewal = make(chan struct{})
			t.mu.Unlock()
			return t.replace(parent, cc)
		}
		t.mu.Unlock()
		select {
		case <-underWay:
		case <-parent.Done():
			return tell.Ended(parent)
		}
	}
}

var (
	errNoCredentials = errors.New("credentials: no user or no password")
	errUnfinished    = errors.New("credentials: the authentication did not return")
)

// replace makes the renewal that others wait for. That ends in every case: an interceptor of the user's may panic.
func (t *tokens) replace(parent context.Context, cc *grpc.ClientConn) (err error) {
	var got *authToken
	err = errUnfinished
	defer func() { t.finish(got, err) }()
	got, err = t.authenticate(parent, cc)
	return err
}

// askSafely asks the user's function on a goroutine of its own, and waits for it. A panic there is an error, since the
// goroutines of the connection ask as well, where it would end the program.
func (t *tokens) askSafely(parent context.Context) (user, password string, err error) {
	err = errors.New("the function has ended its goroutine") // unless it returns or panics
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the function panicked: %s", tell.Line(fmt.Sprint(p)))
			}
		}()
		user, password, err = t.ask(parent)
	}()
	<-done
	return user, password, err
}

// authenticate asks for a token. Where auth is off there is none, which is no error.
func (t *tokens) authenticate(parent context.Context, cc *grpc.ClientConn) (*authToken, error) {
	user, password, err := t.askSafely(parent)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if user == "" || password == "" {
		return nil, errNoCredentials
	}
	parent = context.WithValue(parent, bare{}, true)
	answer, err := pb.NewAuthClient(cc).Authenticate(parent, &pb.AuthenticateRequest{Name: user, Password: password})
	if err != nil {
		err = answered(err, pb.Auth_Authenticate_FullMethodName)
		if errors.Is(err, etcderr.ErrAuthNotEnabled) {
			return &authToken{}, nil
		}
		return nil, err
	}
	return &authToken{metadata: map[string]string{"token": answer.GetToken()}, since: time.Now()}, nil
}

// finish ends the renewal under way.
func (t *tokens) finish(got *authToken, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.renewal)
	t.renewal, t.failure = nil, nil
	switch {
	case err == nil:
		t.current.Store(got)
	case isFinal(err):
		t.failure, t.until = err, time.Now().Add(afterRefusal)
	}
}

// bare marks the context of a request that goes without a token.
type bare struct{}

// perRPC has gRPC send the token with each request.
type perRPC struct{ *tokens }

var _ credentials.PerRPCCredentials = perRPC{}

func (p perRPC) GetRequestMetadata(parent context.Context, _ ...string) (map[string]string, error) {
	if parent.Value(bare{}) != nil {
		return nil, nil
	}
	return p.current.Load().metadata, nil
}

// RequireTransportSecurity is false: whether to encrypt is what WithTLS decides.
func (p perRPC) RequireTransportSecurity() bool { return false }

// renewToken gets another token than the one used, from the member that refused that, which is there.
func (u *unary) renewToken(ctx context.Context, l *link, used *authToken) error {
	if !l.acquire() {
		return nil // the next attempt goes to another one
	}
	defer l.release()
	if !u.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, u.deadline)
		defer cancel()
	}
	return u.conn.tokens.renew(ctx, l.cc, used, epoch.Add(u.began))
}

// unrenewed is the error of a call that was refused for its token where there is no other.
func (u *unary) unrenewed(err, failed error) error {
	var e *etcderr.Error
	if !errors.As(err, &e) {
		return err
	}
	cause := u.cause()
	if cause == nil {
		cause = failed
	}
	return etcderr.FromRPC(e.GRPCStatus().Err(), etcderr.Call{Method: e.Method(), Endpoint: e.Endpoint(), Sent: true, Cause: cause})
}

// Renewable reports whether an error says no more than that the token is not valid any more, for which the connection gets
// another one: it has credentials, and they may still be good. It is for service packages, which tell by it whether a stream
// can be resumed.
func (c *Conn) Renewable(err error) bool {
	return c.tokens.refused(&authToken{}, err)
}

// freshToken gets another token for a stream if the last one was refused to one.
func (c *Conn) freshToken(parent context.Context, l *link) error {
	used := c.tokens.used()
	if used == nil {
		return nil
	}
	asked := used.outdated.Load()
	if asked == nil {
		return nil
	}
	renewing, cancel := context.WithTimeout(parent, c.opts.defaultTimeout)
	defer cancel()
	err := c.tokens.renew(renewing, l.cc, used, *asked)
	if err == nil {
		used.outdated.CompareAndSwap(asked, nil) // where it was kept, it is tried again
	}
	return err
}

// isFinal reports whether a member refused for more than a passing reason.
func isFinal(err error) bool {
	var e *etcderr.Error
	return errors.As(err, &e) && e.Outcome() == etcderr.Rejected && !e.SafeToRetry()
}
