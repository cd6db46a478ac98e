// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/resolver"
)

// ttl is how long a killed service stays registered.
const ttl = 3 * time.Second

// serve is a gRPC service that is registered for as long as its process and its parent live. The parent's end of the standard
// input closes with it.
func serve(ctx context.Context, name string, endpoints []string) (err error) {
	life, end := context.WithCancel(ctx)
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	c, err := conn.Open(life, connection, endpoints)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	// First it leaves the list, and then it ends, so that no call meets a service that is gone.
	instance := resolver.Instance{Addr: listener.Addr().String(), Metadata: map[string]any{"name": name, "process": os.Getpid()}}
	there, err := resolver.Register(context.WithoutCancel(life), resolver.New(connection).WithKey(service).WithTimeout(patience),
		instance, ttl)
	if err == nil {
		<-life.Done()
		leaving, cancel := context.WithTimeout(context.WithoutCancel(life), ttl)
		defer cancel()
		err = there.Leave(leaving)
	}
	server.GracefulStop()
	return errors.Join(err, <-served)
}
