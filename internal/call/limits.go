// SPDX-License-Identifier: Apache-2.0

package call

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/internal/codec"
)

// gRPC uses the same words for a limit of this side and of the server. Only this side's limits and the request itself
// tell which of them it was.

// Limits holds the largest sizes in bytes of messages that this side sends and receives, and its compression.
type Limits struct {
	send, Receive int
	compressor    string
}

// With returns the limits of a call with these options.
func (l Limits) With(opts []grpc.CallOption) Limits {
	for _, opt := range opts {
		switch opt := opt.(type) {
		case grpc.MaxSendMsgSizeCallOption:
			l.send = opt.MaxSendMsgSize
		case grpc.MaxRecvMsgSizeCallOption:
			l.Receive = opt.MaxRecvMsgSize
		case grpc.CompressorCallOption:
			l.compressor = opt.CompressorType
		}
	}
	return l
}

// limitsOf finds the limits that the user's dial options set for all calls. gRPC shows them to an interceptor only,
// so it makes a connection that never connects.
func limitsOf(dial []grpc.DialOption) Limits {
	l := Limits{send: math.MaxInt32, Receive: math.MaxInt32} // as member's service config has it
	see := func(_ context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		l = l.With(opts)
		return nil
	}
	cc, err := grpc.NewClient("passthrough:///limits", append(slices.Clip(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUnaryInterceptor(see))...)
	if err != nil {
		return l
	}
	_ = cc.Invoke(context.Background(), "/limits", nil, nil) // see ends it
	_ = cc.Close()
	return l
}

// Unsendable reports whether err comes from this side, because it cannot send the request.
func (l Limits) Unsendable(err error, request any) bool {
	s, ok := status.FromError(err)
	if !ok {
		return false
	}
	switch {
	case s.Code() == codes.Internal && strings.HasPrefix(s.Message(), "grpc: error while marshaling"):
		buffers, err := codec.Proto().Marshal(request)
		buffers.Free()
		return err != nil
	case s.Code() == codes.Internal && strings.HasPrefix(s.Message(), "grpc: error while compressing"):
		return l.incompressible(request) // otherwise the server could not compress its answer
	case s.Code() == codes.ResourceExhausted && strings.HasPrefix(s.Message(), "trying to send message larger than max"):
		// The server's limit is gRPC's default, which is the largest possible one.
		return l.send != math.MaxInt32 && strings.HasSuffix(s.Message(), fmt.Sprintf(" %d)", l.send))
	default:
		return false
	}
}

// incompressible reports whether a request cannot be compressed.
func (l Limits) incompressible(request any) bool {
	c := encoding.GetCompressor(l.compressor)
	if c == nil {
		return false
	}
	buffers, err := codec.Proto().Marshal(request)
	if err != nil {
		return false
	}
	defer buffers.Free()
	w, err := c.Compress(io.Discard)
	if err == nil {
		_, err = w.Write(buffers.Materialize())
	}
	if err == nil {
		err = w.Close()
	}
	return err != nil
}

// hopeless reports whether gRPC on either side cannot send or receive a message. A retry would fail in the same way.
func hopeless(message string) bool {
	return strings.HasPrefix(message, "grpc: ") || strings.HasPrefix(message, "trying to send message larger than max")
}
