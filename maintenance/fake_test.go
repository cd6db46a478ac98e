// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"testing"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/maintenance"
)

// fake is a fake member that sends the given snapshot.
type fake struct {
	*fakemember.Member
	send func(stream grpc.ServerStreamingServer[pb.SnapshotResponse]) error
}

func (f *fake) Snapshot(_ *pb.SnapshotRequest, stream grpc.ServerStreamingServer[pb.SnapshotResponse]) error {
	return f.send(stream)
}

// openFake serves snapshots, and returns a connection to the server. Both end with the test.
func openFake(t *testing.T, send func(grpc.ServerStreamingServer[pb.SnapshotResponse]) error) ctx.Ctx {
	t.Helper()
	f := &fake{Member: fakemember.New(t, "fake"), send: send}
	f.Serve(f)
	return maintenance.New(fakemember.Open(t, []*fake{f}).Name())
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
