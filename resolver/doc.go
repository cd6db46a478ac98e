// SPDX-License-Identifier: Apache-2.0

// Package resolver lets gRPC clients find their servers in etcd. A server registers itself:
//
//	service := resolver.New("registry").WithKey("services/billing")
//	p, err := resolver.Register(ctx, service, resolver.Instance{Addr: "10.0.0.7:50051"}, 10*time.Second)
//	if err != nil {
//		return err
//	}
//	err = server.Serve(listener)
//	return errors.Join(err, p.Leave(context.Background()))
//
// And a client balances over all that are registered:
//
//	billing, err := grpc.NewClient("etcd:///services/billing",
//		grpc.WithResolvers(resolver.Builder("registry")),
//		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
//		grpc.WithTransportCredentials(insecure.NewCredentials()))
//
// A resolver lists the keys under the service's name and watches them, so gRPC has each change as soon as the server tells it.
// When the watch cannot go on, after a compaction or because etcd was restored or wiped, the resolver lists the keys again. While
// etcd is away, gRPC keeps the last list.
//
// When an instance dies, calls that are on their way to it fail with codes.Unavailable, because gRPC does not know whether it
// has handled them. gRPC repeats them on another instance if the service config has a retryPolicy. That is for methods that may
// run twice:
//
//	{"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [{"name": [{}], "retryPolicy": {
//		"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "1s", "backoffMultiplier": 2,
//		"retryableStatusCodes": ["UNAVAILABLE"]}}]}
//
// To end an instance so that no call meets it any more, leave first and then call GracefulStop of the gRPC server.
// examples/discovery shows it.
//
// The values are the JSON of etcd's own package naming/endpoints. Programs that use that package see what Register writes, and a
// resolver sees what they register.
//
// All functions are safe for concurrent use. A user needs permission to read the keys under the service's name, and to write
// them for Register.
package resolver

import "github.com/eetcd-go/eetcd/ctx"

// Request is what [Register] takes: an immutable value that [New] begins and its With methods refine. It is the same type in
// every package of the SDK, so a request may be handed from one to another.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }
