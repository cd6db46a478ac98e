// SPDX-License-Identifier: Apache-2.0

package member

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

// Tokens gets the token of a connection's user, and another one when that is refused: once for all who are refused. One
// token serves every member, which learn of it from each other. A nil *Tokens is that of a connection without credentials.
type Tokens struct {
	ask func(context.Context) (user, password string, err error)

	current atomic.Pointer[Token]

	mu      sync.Mutex
	renewal chan struct{} // closed when the renewal under way is over; nil: there is none
	failure error         // the answer to the last renewal, where that was a refusal
	until   time.Time     // when it is worth while to ask again after that
}

// Token is what a member gave the user. The zero value is no token, which is right where auth is off.
type Token struct {
	metadata map[string]string         // read by gRPC, never changed
	since    time.Time                 // when the answer came
	outdated atomic.Pointer[time.Time] // when a stream that was refused with it last asked for something; nil: none was
}

// afterRefusal is how long a refused login is remembered, because checking a password is expensive for the server.
const afterRefusal = time.Second

// A member knows a simple token once it has applied the authentication. One that lags behind refuses it, and would know
// another one only later still, so a token that is refused this young is sent again. All of that takes less than the second
// that the check of an endpoint has by default.
const (
	tokenYoung = 500 * time.Millisecond
	tokenPause = 25 * time.Millisecond // before it is sent again, at least
)

// NewTokens makes the tokens of a connection whose user and password ask returns.
func NewTokens(ask func(context.Context) (user, password string, err error)) *Tokens {
	t := &Tokens{ask: ask}
	t.current.Store(&Token{})
	return t
}

// Used is the token that a request would be sent with now.
func (t *Tokens) Used() *Token {
	if t == nil {
		return nil
	}
	return t.current.Load()
}

// Refused reports whether err says that another token than the one used may help.
func (t *Tokens) Refused(used *Token, err error) bool {
	if t == nil || err == nil {
		return false
	}
	return errors.Is(err, etcderr.ErrInvalidAuthToken) ||
		errors.Is(err, etcderr.ErrAuthOldRevision) && used.isJWT() ||
		used.metadata == nil && errors.Is(err, etcderr.ErrUserEmpty) // also the answer to a user name that is empty
}

// isJWT tells a JSON Web Token, which is signed together with the revision of users and roles that it was made at. With a
// simple token the members keep the user alone: if a request with it is refused for its revision, it was overtaken by a
// change of them, and another token would help no more than to send the request again.
func (a *Token) isJWT() bool { return strings.Count(a.metadata["token"], ".") == 2 }

// patience is how long after a request that was refused the token is to be sent again, 0 where it is not worth while. It
// grows with the age of the token, so that there are few such pauses. What counts is the age at which it was sent: how late
// this process comes to read the refusal says nothing of the member.
func (a *Token) patience(asked time.Time) time.Duration {
	age := asked.Sub(a.since)
	if a.isJWT() || age >= tokenYoung {
		return 0
	}
	return max(age/2, tokenPause)
}

// renew gets another token than the one used for a request sent at that time, unless somebody has meanwhile, or is about to.
// It asks over cc. A token that was young then is kept, and renew returns when it is time to send it again.
func (t *Tokens) renew(parent context.Context, cc *grpc.ClientConn, used *Token, asked time.Time) error {
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
func (t *Tokens) replace(parent context.Context, cc *grpc.ClientConn) (err error) {
	var got *Token
	err = errUnfinished
	defer func() { t.finish(got, err) }()
	got, err = t.authenticate(parent, cc)
	return err
}

// askSafely asks the user's function on a goroutine of its own, and waits for it. A panic there is an error, since the
// goroutines of the connection ask as well, where it would end the program.
func (t *Tokens) askSafely(parent context.Context) (user, password string, err error) {
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
func (t *Tokens) authenticate(parent context.Context, cc *grpc.ClientConn) (*Token, error) {
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
			return &Token{}, nil
		}
		return nil, err
	}
	return &Token{metadata: map[string]string{"token": answer.GetToken()}, since: time.Now()}, nil
}

// finish ends the renewal under way.
func (t *Tokens) finish(got *Token, err error) {
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
type perRPC struct{ *Tokens }

var _ credentials.PerRPCCredentials = perRPC{}

func (p perRPC) GetRequestMetadata(parent context.Context, _ ...string) (map[string]string, error) {
	if parent.Value(bare{}) != nil {
		return nil, nil
	}
	return p.current.Load().metadata, nil
}

// RequireTransportSecurity is false: whether to encrypt is what WithTLS decides.
func (p perRPC) RequireTransportSecurity() bool { return false }

// Refuse notes that a stream was refused with the token. asked is when something was sent on the stream last, by Clock.
func (a *Token) Refuse(asked time.Duration) {
	at := timeOf(asked)
	a.outdated.Store(&at)
}

// refresh gets another token over cc if the last one was refused to a stream.
func (t *Tokens) refresh(parent context.Context, cc *grpc.ClientConn, within time.Duration) error {
	used := t.Used()
	if used == nil {
		return nil
	}
	asked := used.outdated.Load()
	if asked == nil {
		return nil
	}
	renewing, cancel := context.WithTimeout(parent, within)
	defer cancel()
	err := t.renew(renewing, cc, used, *asked)
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

// answered is the error of a request that a member has answered with one.
func answered(err error, method string) error {
	return etcderr.FromRPC(err, etcderr.Call{Method: method, Sent: true})
}
