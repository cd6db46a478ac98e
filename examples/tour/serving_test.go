// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// serving has a client of the tour call a server of the tour.
func serving(ctx context.Context, t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	registered := make(chan error, 1)
	go func() { registered <- serve(ctx, server, listener, listener.Addr().String()) }()
	billing, err := find()
	if err != nil {
		t.Fatal(err)
	}
	defer billing.Close()
	answer, err := healthpb.NewHealthClient(billing).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
	if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("find: %v, %v", answer, err)
	}
	server.Stop()
	if err := <-registered; err != nil {
		t.Errorf("serve: %v", err)
	}
}
