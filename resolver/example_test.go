// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/resolver"
)

// A server registers itself, and a client finds it by the name of the service.
func Example() {
	ctx := context.Background()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	service := resolver.New("registry").WithKey("services/billing")
	instance := resolver.Instance{Addr: listener.Addr().String(), Zone: "a"}
	p, err := resolver.Register(ctx, service, instance, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}

	billing, err := grpc.NewClient("etcd:///services/billing",
		grpc.WithResolvers(resolver.Builder("registry")),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer billing.Close()
	answer, err := healthpb.NewHealthClient(billing).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("billing is", answer.GetStatus())

	if err := p.Leave(ctx); err != nil {
		log.Fatal(err)
	}
	left, err := kv.Get(ctx, kv.New("registry").WithKey("services/billing/").WithPrefix().WithCountOnly())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("instances after Leave:", left.GetCount())
	// Output:
	// billing is SERVING
	// instances after Leave: 0
}

// The JSON of an instance is that of etcd's package naming/endpoints. Weight and zone are entries of the metadata.
func ExampleInstance() {
	text, err := json.Marshal(resolver.Instance{Addr: "10.0.0.7:50051", Weight: 3, Metadata: map[string]string{"version": "2.1"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", text)

	var i resolver.Instance
	if err := json.Unmarshal([]byte(`{"Op":0,"Addr":"10.0.0.8:50051","Metadata":{"zone":"b"}}`), &i); err != nil {
		log.Fatal(err)
	}
	fmt.Println(i.Addr, "is in zone", i.Zone)
	// Output:
	// {"Op":0,"Addr":"10.0.0.7:50051","Metadata":{"version":"2.1","weight":3}}
	// 10.0.0.8:50051 is in zone b
}

// Instances may have a format of their own: here a value is an address and a zone.
func ExampleWithFormat() {
	format := func(pair *mvccpb.KeyValue) (resolver.Instance, error) {
		address, zone, ok := strings.Cut(string(pair.GetValue()), " ")
		if !ok {
			return resolver.Instance{}, fmt.Errorf("want an address and a zone")
		}
		return resolver.Instance{Addr: address, Zone: zone}, nil
	}
	skipped := func(key string, err error) { fmt.Printf("%s is skipped: %v\n", key, err) }
	builder := resolver.Builder("registry", resolver.WithFormat(format), resolver.WithOnError(skipped))
	fmt.Println(builder.Scheme())
	// Output: etcd
}

// A balancer finds weight, zone and metadata of an instance in its endpoint.
func ExampleFromEndpoint() {
	inZone := func(endpoints []grpcresolver.Endpoint, zone string) (near []grpcresolver.Endpoint) {
		for _, e := range endpoints {
			if i, ok := resolver.FromEndpoint(e); ok && i.Zone == zone {
				near = append(near, e)
			}
		}
		return near
	}
	fmt.Println(len(inZone(nil, "a")))
	// Output: 0
}
