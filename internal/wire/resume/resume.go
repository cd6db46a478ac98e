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
	// Served reports whether a server has served what the stream is for. Then a refusal that is not etcd's own is not final. Nil
	// means that none ever has.
	Served func() bool
}

const (
	pauseMin = 20 * time.Millisecond
	pauseMax = 500 * time.Millisecond // a lease of a few seconds must outlast some of these
	// settled is how long a stream must have lasted for the next one to be opened without a long pause.
	settled = time.Second
)

// ErrAgain is what serve returns for another stream at once: this one has served its purpose.
var ErrAgain = errors.New("resume: another stream is wanted")

// Run opens the stream and has serve use it until serve returns. Then it tells broken why, and opens the next one: at once where
// the last one has lasted for a while, and otherwise after a pause. While no endpoint is Active it waits for one. The context that
// serve gets ends with life, and not with the stream. When serve returns, the stream is closed.
//
// Run returns nil when serve returns nil, the cause when life ends, ErrClosed with the name of the connection when that is closed,
// and otherwise the first final error (final.go).
func (s Stream) Run(life context.Context, serve func(context.Context, engine.Stream) error, broken func(error)) error {
	var pause backoff.BackOff // nil: the last stream has lasted
	for {
		began := time.Now()
		err := s.once(life, serve)
		if err == nil {
			return nil
		}
		if why := s.end(life, err); why != nil {
			return why
		}
		if errors.Is(err, ErrAgain) {
			continue
		}
		broken(err)
		lasted := time.Since(began) >= settled
		if lasted {
			pause = nil
		}
		// The error may be about another connection, which the user's credentials function asks. Then there is nothing to wait for.
		if errors.Is(err, connerr.ErrUnavailable) && !s.Pinned && !s.Conn.Ready() {
			_ = s.Conn.WaitReady(life) // if that fails, the next stream cannot be opened for the same reason
			continue
		}
		if lasted { // the first attempt is at once
			continue
		}
		if pause == nil {
			pause = newPause()
		}
		if !wait.For(life, pause.NextBackOff()) {
			return s.end(life, nil)
		}
	}
}

// once opens the stream and serves it until it breaks.
func (s Stream) once(life context.Context, serve func(context.Context, engine.Stream) error) error {
	// A member that is cut off from the others must end the stream rather than stay silent on it.
	ctx := metadata.AppendToOutgoingContext(life, "hasleader", "true")
	open, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer open.Abort()
	err = serve(ctx, open)
	if err != nil && open.Refused(err) {
		return &outdated{err}
	}
	return err
}

// Open opens the stream once, for what cannot be resumed. It lives as long as parent.
func (s Stream) Open(parent context.Context) (engine.Stream, error) {
	return s.Conn.OpenStream(parent, s.Desc, s.Method, call.Options{Target: s.Target, Rest: s.Options})
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

// end returns why no stream follows one that broke with err, or nil if another one follows.
func (s Stream) end(life context.Context, err error) error {
	var again *outdated
	switch {
	case s.Conn.Closed():
		return connerr.Closed(s.Conn.Name())
	case life.Err() != nil:
		return context.Cause(life)
	case errors.As(err, &again), errors.Is(err, connerr.ErrClosed):
		// That is another connection, which the credentials function uses.
		return nil
	case s.Served != nil && stray(err) && s.Served():
		return nil
	case FinalAt(s.Pinned, err):
		return err
	default:
		return nil
	}
}
