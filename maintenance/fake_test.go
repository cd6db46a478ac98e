// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// fake is a server that sends the given snapshot.
type fake struct {
	pb.UnimplementedMaintenanceServer
	send func(stream grpc.ServerStreamingServer[pb.SnapshotResponse]) error
}

func (f *fake) Snapshot(_ *pb.SnapshotRequest, stream grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
	return f.send(stream)
}

// Status reports a leader, without which no endpoint is Active.
func (*fake) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return &pb.StatusResponse{Leader: 1}, nil
}

// openFake serves snapshots, and returns a connection to the server. Both end with the test.
func openFake(t *testing.T, send func(grpc.ServerStreamingServer[pb.SnapshotResponse]) error) ctx.Ctx {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterMaintenanceServer(server, &fake{send: send})
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return open(t, listener.Addr().String())
}

// part is one message of a snapshot.
func part(remaining uint64, blob string) *pb.SnapshotResponse {
	return &pb.SnapshotResponse{RemainingBytes: remaining, Blob: []byte(blob), Version: "3.9.0"}
}

// parts sends these messages and ends the stream without an error.
func parts(messages ...*pb.SnapshotResponse) func(grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
	return func(stream grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
		for _, m := range messages {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
		return nil
	}
}
