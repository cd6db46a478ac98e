// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/call"
)

// Space translates the messages of a namespace. Package internal/namespace has one.
type Space interface {
	// Translates reports whether the messages of an RPC are translated. It returns an error for an RPC that is refused.
	Translates(method string) (bool, error)
	// Request returns the message to send for a request.
	Request(method string, request any) (any, error)
	// Answer returns the message to receive an answer into.
	Answer(method string, answer any) (any, error)
	// Received completes the user's answer with the one that was received.
	Received(method string, received, answer any) error
}

// inside makes the calls and opens the streams of a namespace.
type inside struct {
	space   Space
	calls   *call.Caller
	streams *opener
}

// call is Call of a connection.
func (in *inside) call(parent context.Context, method string, args, reply any, o call.Options) error {
	translates, err := in.space.Translates(method)
	if err != nil {
		return err
	}
	if !translates {
		return in.calls.Call(parent, method, args, reply, o)
	}
	request, err := in.space.Request(method, args)
	if err != nil {
		return err
	}
	answer, err := in.space.Answer(method, reply)
	if err != nil {
		return err
	}
	if err := in.calls.Call(parent, method, request, answer, o); err != nil {
		return err
	}
	return in.space.Received(method, answer, reply)
}

// open is OpenStream of a connection.
func (in *inside) open(parent context.Context, desc *grpc.StreamDesc, method string, o call.Options) (Stream, error) {
	translates, err := in.space.Translates(method)
	if err != nil {
		return nil, err
	}
	s, err := in.streams.open(parent, desc, method, o)
	if err != nil || !translates {
		return s, err
	}
	return &translatedStream{Stream: s, space: in.space, method: method}, nil
}

// translatedStream is a stream of a namespace.
type translatedStream struct {
	Stream
	space  Space
	method string
}

func (s *translatedStream) SendMsg(m any) error {
	request, err := s.space.Request(s.method, m)
	if err != nil {
		s.Abort() // as gRPC has it: a stream is over after an error
		return err
	}
	return s.Stream.SendMsg(request)
}

func (s *translatedStream) RecvMsg(m any) error {
	answer, err := s.space.Answer(s.method, m)
	if err == nil {
		if err := s.Stream.RecvMsg(answer); err != nil {
			return err
		}
		err = s.space.Received(s.method, answer, m)
	}
	if err != nil {
		s.Abort()
	}
	return err
}
