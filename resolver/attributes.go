// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"fmt"
	"reflect"

	"google.golang.org/grpc/attributes"
	grpcresolver "google.golang.org/grpc/resolver"
)

// stateOf returns a list as gRPC wants it: as endpoints, and as addresses for balancers that read those. Addresses have no
// attributes, because gRPC connects anew when those change.
func stateOf(list []Instance) grpcresolver.State {
	s := grpcresolver.State{Addresses: []grpcresolver.Address{}, Endpoints: []grpcresolver.Endpoint{}}
	for _, i := range list {
		described := attributes.New(instanceKey{}, described{i})
		address := grpcresolver.Address{Addr: i.Addr}
		s.Endpoints = append(s.Endpoints, grpcresolver.Endpoint{Addresses: []grpcresolver.Address{address}, Attributes: described})
		s.Addresses = append(s.Addresses, address)
	}
	return s
}

type instanceKey struct{}

// described is an instance in attributes. gRPC compares and prints it.
type described struct{ instance Instance }

// Equal tells gRPC whether anything has changed. Without it metadata in a map would panic there.
func (d described) Equal(other any) bool { return reflect.DeepEqual(d, other) }

// String leaves the metadata out of gRPC's log.
func (d described) String() string {
	return fmt.Sprintf("weight %d, zone %q", d.instance.Weight, d.instance.Zone)
}

// FromEndpoint returns the instance of an endpoint, with weight, zone and metadata, to a balancer. ok is false if the endpoint is not
// of a resolver of this package. It is also false if gRPC uses the proxy of $HTTPS_PROXY, because it makes endpoints of its own then;
// grpc.WithNoProxy prevents that. All callers share the instance, so do not change its Metadata.
func FromEndpoint(e grpcresolver.Endpoint) (i Instance, ok bool) {
	d, ok := e.Attributes.Value(instanceKey{}).(described)
	return d.instance, ok
}
