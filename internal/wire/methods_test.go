// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

// described is what a test sees of a Method, whatever its types.
type described interface {
	messages() (request, response any)
}

func (Method[Request, Response]) messages() (request, response any) {
	return new(Request), new(Response)
}

var services = map[string]any{
	"KV": KV, "Lease": Lease, "Cluster": Cluster, "Maintenance": Maintenance, "Auth": Auth, "Lock": Lock, "Election": Election,
}

func TestMethodsHaveThePathAndTheMessagesOfTheProtocol(t *testing.T) {
	for _, service := range servicesOfEtcd() {
		ours, ok := services[string(service.Name())]
		if !ok {
			continue
		}
		methods := reflect.ValueOf(ours)
		for i := range methods.NumField() {
			name := methods.Type().Field(i).Name
			rpc := service.Methods().ByName(protoreflect.Name(name))
			if rpc == nil || rpc.IsStreamingClient() || rpc.IsStreamingServer() {
				t.Errorf("%s has no unary RPC %s", service.FullName(), name)
				continue
			}
			path := "/" + strings.TrimPrefix(string(service.FullName()), "eetcd.") + "/" + name
			if got := methods.Field(i).String(); got != path {
				t.Errorf("the path of %s is %q, want %q", name, got, path)
			}
			request, response := methods.Field(i).Interface().(described).messages()
			for message, want := range map[any]protoreflect.MessageDescriptor{request: rpc.Input(), response: rpc.Output()} {
				if got := message.(proto.Message).ProtoReflect().Descriptor(); got != want {
					t.Errorf("%s has a message %s, want %s", path, got.FullName(), want.FullName())
				}
			}
		}
	}
}

func TestEachUnaryRPCHasAMethod(t *testing.T) {
	// Elsewhere: the engine authenticates, and a claim waits on this side.
	elsewhere := []protoreflect.FullName{
		"eetcd.etcdserverpb.Auth.Authenticate", "eetcd.v3lockpb.Lock.Lock", "eetcd.v3electionpb.Election.Campaign",
	}
	seen := 0
	for _, service := range servicesOfEtcd() {
		for i := range service.Methods().Len() {
			rpc := service.Methods().Get(i)
			if rpc.IsStreamingClient() || rpc.IsStreamingServer() || slices.Contains(elsewhere, rpc.FullName()) {
				continue
			}
			ours := reflect.ValueOf(services[string(service.Name())])
			if !ours.IsValid() || !ours.FieldByName(string(rpc.Name())).IsValid() {
				t.Errorf("no method for %s", rpc.FullName())
			}
			seen++
		}
	}
	if seen < 40 {
		t.Errorf("the protocol has %d unary RPCs, which are too few", seen)
	}
}

func servicesOfEtcd() []protoreflect.ServiceDescriptor {
	var all []protoreflect.ServiceDescriptor
	for _, message := range []proto.Message{&pb.RangeRequest{}, &v3lockpb.LockRequest{}, &v3electionpb.LeaderRequest{}} {
		of := message.ProtoReflect().Descriptor().ParentFile().Services()
		for i := range of.Len() {
			all = append(all, of.Get(i))
		}
	}
	return all
}
