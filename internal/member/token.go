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
	"github.com/eetcd-go/eetcd/internal/life"
	"github.com/eetcd-go/eetcd/internal/tell"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// Tokens holds the token of a connection's user, and replaces it when a member refuses it: once for all callers that
// were refused. One token serves every member, since they learn of it from each other. A nil *Tokens belongs to a
// connection without credentials.
type Tokens struct {
	login   *login
	current atomic.Pointer[Token]

	mu      sync.Mutex
	renewal chan struct{} // closed when the renewal under way is over; nil: there is none
	failure error         // the answer to the last renewal, if it was a refusal
	until   time.Time     // how long failure stands for new askers
}

// Token is what an authentication returned. The zero value is no token, which is right where authentication is off.
type Token struct {
	metadata map[string]string         // read by gRPC, never changed
	since    time.Time                 // when the answer came
	outdated atomic.Pointer[time.Time] // when a stream that was refused with it last sent something; nil: none was refused
}

// afterRefusal is how long a refused login is remembered, because checking a password is expensive for the server.
const afterRefusal = time.Second

// A member knows a simple token only after it has applied the authentication. A member that lags behind refuses it,
// and would know a newer one later still. So a refused token of this age is sent again. All of that fits into one
// second, the default time of an endpoint's check.
const (
	tokenYoung = 500 * time.Millisecond
	tokenPause = 25 * time.Millisecond // before it is sent again, at least
)

// NewTokens makes the tokens of a connection. f returns its user and password. It runs on a goroutine of life,
// with a context that ends after the timeout.
func NewTokens(f func(context.Context) (user, password string, err error), life *life.Life, timeout time.Duration) *Tokens {
	t := &Tokens{login: &login{f: f, life: life, timeout: timeout}}
	t.current.Store(&Token{})
	return t
}

// Asking reports whether f is running.
func (t *Tokens) Asking() bool { return t != nil && t.login.asking() }

// Used returns the token that a request would carry now.
func (t *Tokens) Used() *Token {
	if t == nil {
		return nil
	}
	return t.current.Load()
}

// Refused reports whether err says that a token other than used may help.
func (t *Tokens) Refused(used *Token, err error) bool {
	if t == nil || err == nil {
		return false
	}
	return errors.Is(err, etcderr.ErrInvalidAuthToken) ||
		errors.Is(err, etcderr.ErrAuthOldRevision) && used.isJWT() ||
		used.metadata == nil && errors.Is(err, etcderr.ErrUserEmpty) // also the answer to a user name that is empty
}

// isJWT tells a JSON Web Token from a simple one. A JWT is signed together with the revision of users and roles at
// that time. For a simple token the members keep only the user. If they refuse it for its revision, a change of users
// overtook the request, and sending the request again helps as much as a new token.
func (a *Token) isJWT() bool { return strings.Count(a.metadata["token"], ".") == 2 }

// patience returns how long after a refused request the token is to be sent again, or 0 if that is useless. It grows
// with the age of the token, so such pauses are few. The age counts from the sending: a late reading of the refusal
// says nothing about the member.
func (a *Token) patience(asked time.Time) time.Duration {
	age := asked.Sub(a.since)
	if a.isJWT() || age >= tokenYoung {
		return 0
	}
	return max(age/2, tokenPause)
}

// renew replaces the token that was used for a request sent at asked, over cc. It does nothing if another goroutine
// has replaced it, and waits if one is about to. It keeps a token that was young then, and returns when it is time to
// send it again.
func (t *Tokens) renew(parent context.Context, cc grpc.ClientConnInterface, used *Token, asked time.Time) error {
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

// replace makes the renewal that others wait for. It ends in every case, because a user's interceptor may panic.
func (t *Tokens) replace(parent context.Context, cc grpc.ClientConnInterface) (err error) {
	var got *Token
	err = errUnfinished
	defer func() { t.finish(got, err) }()
	got, err = t.authenticate(parent, cc)
	return err
}

// authenticate asks for a token. It returns none, and no error, where authentication is off.
func (t *Tokens) authenticate(parent context.Context, cc grpc.ClientConnInterface) (*Token, error) {
	user, password, err := t.login.ask(parent)
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

// perRPC makes gRPC send the token with each request.
type perRPC struct{ *Tokens }

var _ credentials.PerRPCCredentials = perRPC{}

func (p perRPC) GetRequestMetadata(parent context.Context, _ ...string) (map[string]string, error) {
	if parent.Value(bare{}) != nil {
		return nil, nil
	}
	return p.current.Load().metadata, nil
}

// RequireTransportSecurity returns false, because WithTLS decides whether to encrypt.
func (p perRPC) RequireTransportSecurity() bool { return false }

// Refuse records that a stream was refused with the token. asked is the time by Clock when the stream last sent
// something.
func (a *Token) Refuse(asked time.Duration) {
	at := timeOf(asked)
	a.outdated.Store(&at)
}

// refresh replaces the token over cc if a stream was refused with it.
func (t *Tokens) refresh(parent context.Context, cc grpc.ClientConnInterface, within time.Duration) error {
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
		used.outdated.CompareAndSwap(asked, nil) // a token that was kept is tried again
	}
	return err
}

// isFinal reports whether a member refused for a reason that does not pass.
func isFinal(err error) bool {
	var e *etcderr.Error
	return errors.As(err, &e) && e.Outcome() == etcderr.Rejected && !e.SafeToRetry()
}

// answered turns a member's answer into the error of a call.
func answered(err error, method string) error {
	return etcderr.FromRPC(err, etcderr.Call{Method: method, Sent: true})
}
