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
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/status"
)

// gRPC has the same words for what this side refuses to send or take and for what the server does. Only the limits of this
// side, and the request itself, tell which of them it was.

// Limits are the sizes of messages that this side sends and takes, in bytes, and how it compresses what it sends.
type Limits struct {
	send, Receive int
	compressor    string
}

// With is the limits of a call with these options.
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

// limitsOf finds the limits that the user's dial options set for all calls: gRPC shows them to an interceptor only. The
// connection that it uses for that never connects.
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
	_ = cc.Invoke(context.Background(), "/limits", nil, nil) // it reaches see only
	_ = cc.Close()
	return l
}

// Unsendable reports whether err is this side's own, for a request that it cannot send.
func (l Limits) Unsendable(err error, request any) bool {
	s, ok := status.FromError(err)
	if !ok {
		return false
	}
	switch {
	case s.Code() == codes.Internal && strings.HasPrefix(s.Message(), "grpc: error while marshaling"):
		buffers, err := encoding.GetCodecV2(proto.Name).Marshal(request)
		buffers.Free()
		return err != nil
	case s.Code() == codes.Internal && strings.HasPrefix(s.Message(), "grpc: error while compressing"):
		return l.incompressible(request) // else the server could not compress its answer
	case s.Code() == codes.ResourceExhausted && strings.HasPrefix(s.Message(), "trying to send message larger than max"):
		// A server has gRPC's default, which is the largest there is.
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
	buffers, err := encoding.GetCodecV2(proto.Name).Marshal(request)
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

// hopeless reports whether gRPC itself, on either side, could not send or take a message: it could not the next time either.
func hopeless(message string) bool {
	return strings.HasPrefix(message, "grpc: ") || strings.HasPrefix(message, "trying to send message larger than max")
}
