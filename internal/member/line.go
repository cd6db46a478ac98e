// SPDX-License-Identifier: Apache-2.0

package member

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

// ErrLost is the reason why a link leaves service after its connection broke or was retired.
var ErrLost = errors.New("connection lost")

// line is one HTTP/2 connection. Once it is lost, gRPC makes another one only for a call that is on its way over the line
// already.
type line struct {
	cc        *grpc.ClientConn // of its channel
	unnamed   bool             // it is the only line of its channel, which has dial options of the user: calls need not name it
	sub       balancer.SubConn
	pickAgain func()    // lets the calls that wait for their line look at it again
	spend     func()    // tells the channel that a connection of it has ended
	once      sync.Once // closes the line
	release   func()    // gives up the line's use of its channel

	mu     sync.Mutex
	state  connectivity.State
	err    error  // of the last attempt to connect; nil: it worked
	lost   bool   // the present connection takes no more calls: it did not come up, broke, or got a GOAWAY
	onLoss func() // called when that happens; nil: nobody asks
}

var _ grpc.ClientConnInterface = (*line)(nil)

// changed is called by gRPC with each change of the line's state, one after the other. It must not block.
func (l *line) changed(to balancer.SubConnState) {
	if onLoss := l.enter(to.ConnectivityState, to.ConnectionError); onLoss != nil {
		onLoss()
	}
	if to.ConnectivityState != connectivity.Connecting {
		l.pickAgain()
	}
}

// enter records a new state. It returns what to call if the connection is lost by that.
func (l *line) enter(state connectivity.State, err error) (onLoss func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state == connectivity.Idle && l.state != connectivity.TransientFailure {
		l.spend() // before the endpoint learns of the loss and gets its next line
	}
	l.state, l.err = state, err
	switch {
	case state == connectivity.Ready:
		l.lost = false
	case state != connectivity.Connecting && !l.lost:
		l.lost = true
		onLoss, l.onLoss = l.onLoss, nil
	}
	return onLoss
}

// pick returns the connection for a call. It returns an error if the call must wait for it, or cannot have one.
func (l *line) pick() (balancer.SubConn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.state {
	case connectivity.Ready:
		return l.sub, nil
	case connectivity.Idle:
		l.sub.Connect() // which returns at once
		return nil, balancer.ErrNoSubConnAvailable
	case connectivity.Connecting:
		return nil, balancer.ErrNoSubConnAvailable
	}
	err := cmp.Or(l.err, ErrLost)
	if l.unnamed { // an interceptor of the user may have sent the call before
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return nil, &unsent{err}
}

// unsent is the error of a call whose line could not connect, or is closed. gRPC asks for a line before it sends a call, and
// again only if the server has not processed the call. So the call had no effect, although gRPC may have sent it once.
type unsent struct{ cause error }

func (e *unsent) Error() string { return e.cause.Error() }

// GRPCStatus makes gRPC end the call with this error.
func (e *unsent) GRPCStatus() *status.Status { return status.New(codes.Unavailable, e.cause.Error()) }

// Unsent reports whether err is of a call that found no line, so that it had no effect. gRPC may have sent the call once, and the
// server has not processed it.
func Unsent(err error) bool {
	var e *unsent
	return errors.As(err, &e)
}

// up reports whether the line has a connection.
func (l *line) up() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == connectivity.Ready
}

// whenLost calls f when the present connection takes no more calls, or at once if it takes none already. f must not block. It
// replaces the function of an earlier call.
func (l *line) whenLost(f func()) {
	l.mu.Lock()
	lost := l.lost
	if !lost {
		l.onLoss = f
	}
	l.mu.Unlock()
	if lost {
		f()
	}
}

// Invoke makes a unary call over the line.
func (l *line) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return l.cc.Invoke(l.naming(ctx), method, args, reply, opts...)
}

// NewStream opens a stream over the line.
func (l *line) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return l.cc.NewStream(l.naming(ctx), desc, method, opts...)
}

// naming returns a context that names the line to its channel.
func (l *line) naming(ctx context.Context) context.Context {
	if l.unnamed {
		return ctx
	}
	return &over{ctx, l}
}

// over is the context of a call over a line.
type over struct {
	context.Context
	line *line
}

// lineKey is the key of a context's line.
type lineKey struct{}

func (o *over) Value(key any) any {
	if key == (lineKey{}) {
		return o.line
	}
	return o.Context.Value(key)
}

// close closes the line. Calls under way on it go on to their end.
func (l *line) close() {
	l.once.Do(func() {
		l.sub.Shutdown()
		l.release()
	})
}

// abort closes the line and all other lines of its channel at once, with the calls under way. It is for the end of the whole
// connection.
func (l *line) abort() {
	_ = l.cc.Close() // it fails only when closed already
	l.close()
}
