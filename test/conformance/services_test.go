// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	etcdelectionpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	etcdlockpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
	"google.golang.org/grpc"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

func TestServiceDescriptionsEqualEtcds(t *testing.T) {
	for _, pair := range []struct{ ours, theirs grpc.ServiceDesc }{
		{pb.KV_ServiceDesc, etcdpb.KV_ServiceDesc},
		{pb.Watch_ServiceDesc, etcdpb.Watch_ServiceDesc},
		{pb.Lease_ServiceDesc, etcdpb.Lease_ServiceDesc},
		{pb.Cluster_ServiceDesc, etcdpb.Cluster_ServiceDesc},
		{pb.Maintenance_ServiceDesc, etcdpb.Maintenance_ServiceDesc},
		{pb.Auth_ServiceDesc, etcdpb.Auth_ServiceDesc},
		{v3lockpb.Lock_ServiceDesc, etcdlockpb.Lock_ServiceDesc},
		{v3electionpb.Election_ServiceDesc, etcdelectionpb.Election_ServiceDesc},
	} {
		t.Run(pair.theirs.ServiceName, func(t *testing.T) {
			ours, theirs := describe(pair.ours), describe(pair.theirs)
			if !slices.Equal(ours, theirs) {
				t.Errorf("we have\n%q\netcd has\n%q", ours, theirs)
			}
		})
	}
}

// describe lists the methods of a service by the paths that a server routes.
func describe(s grpc.ServiceDesc) (all []string) {
	for _, m := range s.Methods {
		all = append(all, fmt.Sprintf("/%s/%s", s.ServiceName, m.MethodName))
	}
	for _, m := range s.Streams {
		all = append(all, fmt.Sprintf("/%s/%s streams in %t, out %t", s.ServiceName, m.StreamName, m.ClientStreams, m.ServerStreams))
	}
	slices.Sort(all)
	return all
}

func TestStubsCallTheSameMethodsAsEtcds(t *testing.T) {
	for _, pair := range []struct{ ours, theirs any }{
		{pb.NewKVClient, etcdpb.NewKVClient},
		{pb.NewWatchClient, etcdpb.NewWatchClient},
		{pb.NewLeaseClient, etcdpb.NewLeaseClient},
		{pb.NewClusterClient, etcdpb.NewClusterClient},
		{pb.NewMaintenanceClient, etcdpb.NewMaintenanceClient},
		{pb.NewAuthClient, etcdpb.NewAuthClient},
		{v3lockpb.NewLockClient, etcdlockpb.NewLockClient},
		{v3electionpb.NewElectionClient, etcdelectionpb.NewElectionClient},
	} {
		ours, theirs := calls(pair.ours), calls(pair.theirs)
		if !maps.Equal(ours, theirs) {
			t.Errorf("we call\n%q\netcd calls\n%q", ours, theirs)
		}
		if len(theirs) == 0 {
			t.Errorf("%T makes no calls", pair.theirs)
		}
	}
}

// calls makes a client with its constructor, calls each of its methods and returns the paths that they use.
func calls(construct any) map[string]string {
	recorder := new(recorder)
	client := reflect.ValueOf(construct).Call([]reflect.Value{reflect.ValueOf(recorder)})[0]
	paths := map[string]string{}
	for i := range client.NumMethod() {
		method := client.Method(i)
		arguments := []reflect.Value{reflect.ValueOf(context.Background())}
		// After the context comes the request, if there is exactly one; the variadic options are last.
		if method.Type().NumIn() == 3 {
			arguments = append(arguments, reflect.Zero(method.Type().In(1)))
		}
		recorder.path = ""
		method.Call(arguments)
		paths[client.Type().Method(i).Name] = recorder.path
	}
	return paths
}

// recorder is a connection that records and refuses each call.
type recorder struct{ path string }

var errRefused = errors.New("not a real connection")

func (r *recorder) Invoke(_ context.Context, path string, _, _ any, _ ...grpc.CallOption) error {
	r.path = path
	return errRefused
}

func (r *recorder) NewStream(_ context.Context, d *grpc.StreamDesc, path string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	r.path = fmt.Sprintf("%s streams in %t, out %t", path, d.ClientStreams, d.ServerStreams)
	return nil, errRefused
}
