// SPDX-License-Identifier: Apache-2.0

// Package resume keeps a stream open: it opens it, hands it to the service, and opens another when it breaks, on
// another endpoint if need be, until the service is done or the reason is final.
package resume

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wait"
	"github.com/eetcd-go/eetcd/internal/wire"
)

// Stream says what is to be kept open.
type Stream struct {
	wire.Route // its timeout bounds the opening of each stream
	Desc       *grpc.StreamDesc
	Method     string            // gRPC path
	Options    []grpc.CallOption // for gRPC
}

const (
	pauseMin = 20 * time.Millisecond
	pauseMax = 500 * time.Millisecond // a lease of a few seconds must outlast some of these
	// settled is how long a stream must have lasted for the next one to be opened without a long pause.
	settled = time.Second
)

// ErrAgain is what serve returns for another stream at once: this one has served its purpose.
var ErrAgain = errors.New("resume: another stream is wanted")

// Run opens the stream and has serve use it until serve returns, then opens the next one, at once where the last one has
// lasted for a while. broken is told why first. It returns when life ends, with its cause; when serve returns nil, with nil; and with the first error that
// another stream would meet as well, as [Final] has it. While no endpoint is Active it waits for one. The context that
// serve gets ends with its stream; when it returns, the stream is closed.
func (s Stream) Run(life context.Context, serve func(context.Context, engine.Stream) error, broken func(error)) error {
	pause := newPause()
	for {
		began := time.Now()
		err := s.once(life, serve)
		if err == nil {
			return nil
		}
		if errors.Is(err, ErrAgain) && life.Err() == nil {
			continue
		}
		if life.Err() != nil {
			return context.Cause(life)
		}
		if Final(err) || s.Pinned && errors.Is(err, etcderr.ErrNotSupportedForLearner) && !Outage(err) {
			return err
		}
		broken(err)
		lasted := time.Since(began) >= settled
		if lasted {
			pause.Reset()
		}
		// The error may be about another connection, which the user's credentials function asks. Then there is nothing to wait for.
		if errors.Is(err, connerr.ErrUnavailable) && !s.Pinned && !s.Conn.Ready() {
			if err := s.Conn.WaitReady(life); err != nil && errors.Is(err, connerr.ErrClosed) {
				return err
			}
			continue
		}
		if lasted { // the first attempt is at once
			continue
		}
		if !wait.For(life, pause.NextBackOff()) {
			return context.Cause(life)
		}
	}
}

// once opens the stream and serves it until it breaks.
func (s Stream) once(life context.Context, serve func(context.Context, engine.Stream) error) error {
	// A member that is cut off from the others must end the stream rather than stay silent on it.
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(life, "hasleader", "true"))
	defer cancel()
	open, err := s.Open(ctx)
	if err != nil {
		return err
	}
	err = serve(ctx, open)
	if err != nil && open.Refused(err) {
		return &outdated{err}
	}
	return err
}

// outdated is a stream that was refused for its token. The next one has another.
type outdated struct{ error }

func (o *outdated) Unwrap() error { return o.error }

// Open opens the stream once, for what cannot be resumed. It lives as long as parent.
func (s Stream) Open(parent context.Context) (engine.Stream, error) {
	return s.Conn.OpenStream(parent, s.Desc, s.Method, call.Options{Target: s.Target, Rest: s.Options})
}

// Outage reports whether err says that no stream can be had now: no endpoint is Active, or the members refuse the login,
// which a password that is learned later mends. What is under way waits; what waits for its first answer is to be told.
func Outage(err error) bool {
	var e *etcderr.Error
	return errors.Is(err, connerr.ErrUnavailable) || errors.As(err, &e) && e.Method() == pb.Auth_Authenticate_FullMethodName
}

// Final reports whether a stream that ended with err would end so again: the connection is closed, the endpoint is not
// one of it, or the server refuses what is asked for for more than a passing reason. An outage is never final, whatever the
// reasons of the endpoints in it.
func Final(err error) bool {
	var o *outdated
	if errors.As(err, &o) || Outage(err) {
		return false
	}
	if errors.Is(err, connerr.ErrClosed) || errors.Is(err, connerr.ErrEndpoint) {
		return true
	}
	var e *etcderr.Error
	return errors.As(err, &e) && e.Outcome() == etcderr.Rejected && !e.SafeToRetry()
}

func newPause() backoff.BackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(pauseMin),
		backoff.WithMultiplier(2),
		backoff.WithMaxInterval(pauseMax),
		backoff.WithRandomizationFactor(0.5),
		backoff.WithMaxElapsedTime(0),
	)
}
