// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/call"
)

// Space translates the messages of a namespace. Package internal/namespace has one.
type Space interface {
	// Translation returns what becomes of the messages of an RPC, or nil if they pass unchanged. It returns an error for an RPC
	// that is refused.
	Translation(method string) (Translation, error)
	// Prefix returns what every key of the namespace begins with.
	Prefix() string
}

// Translation is what becomes of the messages of one RPC. It is an alias, because the package that has it does not know this one.
type Translation = interface {
	// Request returns the message to send for a request.
	Request(request any) (any, error)
	// Answer returns the message to receive an answer into.
	Answer(answer any) (any, error)
	// Received completes the user's answer with the one that was received.
	Received(received, answer any) error
}

// inside makes the calls and opens the streams of a namespace.
type inside struct {
	space   Space
	calls   *call.Caller
	streams *opener
}

// Call is Call of a connection.
func (in *inside) Call(parent context.Context, method string, args, reply any, o call.Options) error {
	t, err := in.space.Translation(method)
	if err != nil {
		return err
	}
	if t == nil {
		return in.calls.Call(parent, method, args, reply, o)
	}
	request, err := t.Request(args)
	if err != nil {
		return err
	}
	answer, err := t.Answer(reply)
	if err != nil {
		return err
	}
	if err := in.calls.Call(parent, method, request, answer, o); err != nil {
		return err
	}
	return t.Received(answer, reply)
}

// open is OpenStream of a connection.
func (in *inside) open(parent context.Context, desc *grpc.StreamDesc, method string, o call.Options) (Stream, error) {
	t, err := in.space.Translation(method)
	if err != nil {
		return nil, err
	}
	s, err := in.streams.open(parent, desc, method, o)
	if err != nil || t == nil {
		return s, err
	}
	return &translatedStream{s, t}, nil
}

// translatedStream is a stream of a namespace.
type translatedStream struct {
	Stream
	translation Translation
}

func (s *translatedStream) SendMsg(m any) error {
	request, err := s.translation.Request(m)
	if err != nil {
		s.Abort() // as gRPC has it: a stream is over after an error
		return err
	}
	return s.Stream.SendMsg(request)
}

func (s *translatedStream) RecvMsg(m any) error {
	answer, err := s.translation.Answer(m)
	if err == nil {
		if err := s.Stream.RecvMsg(answer); err != nil {
			return err
		}
		err = s.translation.Received(answer, m)
	}
	if err != nil {
		s.Abort()
	}
	return err
}
