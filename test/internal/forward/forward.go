// SPDX-License-Identifier: Apache-2.0

// Package forward is a gRPC server before another one. It forwards every call, and retires connections as gRPC servers
// do: they announce the end of a connection first, and refuse new calls only when the client has had time to learn of
// it.
package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Server is a forwarding server.
type Server struct {
	Endpoint string

	upstream *grpc.ClientConn
	conns    atomic.Int64

	mu    sync.Mutex
	calls map[string]Calls
	gate  chan struct{} // closed when calls may pass; nil while they pass
}

// Calls is what a server has seen of a method.
type Calls struct {
	N      int    // that have arrived
	Answer int    // bytes of the largest message to a client
	Type   string // the content type of the newest one
}

// Start runs a server before an endpoint until the test ends. params say how long connections last.
func Start(t *testing.T, endpoint string, params keepalive.ServerParameters) *Server {
	t.Helper()
	upstream, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(bytesCodec{}), grpc.MaxCallRecvMsgSize(1<<30), grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Endpoint: listener.Addr().String(), upstream: upstream, calls: map[string]Calls{}}
	server := grpc.NewServer(grpc.UnknownServiceHandler(s.forward), grpc.ForceServerCodecV2(bytesCodec{}),
		grpc.KeepaliveParams(params), grpc.MaxRecvMsgSize(1<<30), grpc.MaxSendMsgSize(1<<30),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Nanosecond, PermitWithoutStream: true}))
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(counted{listener, &s.conns}) })
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
		if err := upstream.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Conns returns how many connections clients have made so far.
func (s *Server) Conns() int { return int(s.conns.Load()) }

// Calls returns what the server has seen of a method so far.
func (s *Server) Calls(method string) Calls {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Hold keeps calls of etcd's KV service waiting, until Release.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
}

// Release undoes Hold, or does nothing.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != nil {
		close(s.gate)
	}
	s.gate = nil
}

// note counts a call, and returns what it must wait for, or nil.
func (s *Server) note(method, contentType string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.calls[method]
	seen.N++
	seen.Type = contentType
	s.calls[method] = seen
	if !strings.HasPrefix(method, "/etcdserverpb.KV/") {
		return nil
	}
	return s.gate
}

func (s *Server) noteAnswer(method string, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.calls[method]
	seen.Answer = max(seen.Answer, size)
	s.calls[method] = seen
}

func (s *Server) forward(_ any, down grpc.ServerStream) error {
	method, ok := grpc.MethodFromServerStream(down)
	if !ok {
		return status.Error(codes.Internal, "a call without a method")
	}
	life, cancel := context.WithCancel(down.Context())
	defer cancel()
	md, _ := metadata.FromIncomingContext(life)
	if gate := s.note(method, strings.Join(md.Get("content-type"), ", ")); gate != nil {
		select {
		case <-gate:
		case <-life.Done():
			return status.FromContextError(life.Err()).Err()
		}
	}
	life = metadata.NewOutgoingContext(life, md)
	up, err := s.upstream.NewStream(life, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	go func() { // ends with the call, which ends the messages
		if pass(up.SendMsg, down.RecvMsg) == nil {
			_ = up.CloseSend()
		}
	}()
	header, err := up.Header()
	if err == nil {
		err = down.SendHeader(header)
	}
	if err == nil {
		err = pass(func(message any) error {
			s.noteAnswer(method, message.(*mem.BufferSlice).Len())
			return down.SendMsg(message)
		}, up.RecvMsg)
	}
	down.SetTrailer(up.Trailer())
	return err
}

// pass carries messages until their end, which is no error.
func pass(send, receive func(any) error) error {
	for {
		var message mem.BufferSlice
		if err := receive(&message); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := send(&message); err != nil {
			return err
		}
	}
}

// bytesCodec leaves messages as they are on the wire.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	message, ok := v.(*mem.BufferSlice)
	if !ok {
		return nil, fmt.Errorf("not bytes: %T", v)
	}
	return *message, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(*mem.BufferSlice)
	if !ok {
		return fmt.Errorf("not bytes: %T", v)
	}
	data.Ref()
	*message = data
	return nil
}

// counted counts what a listener accepts.
type counted struct {
	net.Listener
	n *atomic.Int64
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}
