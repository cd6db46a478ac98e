// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"context"
	"net/url"
	"strings"

	grpcresolver "google.golang.org/grpc/resolver"

	"github.com/eetcd-go/eetcd/internal/render"
)

// Scheme is the scheme of the targets: "etcd:///services/billing".
const Scheme = "etcd"

// Builder returns what grpc.WithResolvers takes, so that a client finds its servers through the connection that is, or will be,
// open under that name. One builder serves any number of clients.
//
// The target is etcd:/// and the name of the service. gRPC gets the instances under the keys that begin with this name and a
// slash: etcd:///services/billing has those under services/billing/. One slash at the end of a target may be left out or not. A
// name that itself begins with a slash follows a fourth one: etcd:////services. Anything else in a target, such as a host or a
// query, is kv.ErrInvalid, and so is a target without a name.
//
// The connection may be opened later, or closed and opened again: without one, the resolver looks for it four times a second.
// Until there is a first list, gRPC has the error that the last attempt met: its calls fail with codes.Unavailable, or wait where
// they are to wait for a ready server. Once there was a list, gRPC keeps the last one in an outage. gRPC's own requests to resolve
// again do nothing, because there is nothing newer than what the watch told.
//
// Each process has the addresses in an order of its own, which stays. So clients with gRPC's default policy, which use one server
// each, spread over all of them. Balancers find weight, zone and metadata by [FromEndpoint].
//
// With TLS the certificates must be valid for the name in the credentials, or that of grpc.WithAuthority. gRPC takes the name of
// the service otherwise.
func Builder(connection string, opts ...Option) grpcresolver.Builder {
	return &builder{connection, optionsOf(opts)}
}

type builder struct {
	connection string
	options    options
}

func (*builder) Scheme() string { return Scheme }

// Build begins to resolve a target. gRPC calls it.
func (b *builder) Build(target grpcresolver.Target, cc grpcresolver.ClientConn, _ grpcresolver.BuildOptions) (grpcresolver.Resolver, error) {
	prefix, err := prefixOf(target.URL)
	if b.options.invalid != nil {
		return nil, b.options.invalid
	}
	if err != nil {
		return nil, err
	}
	r := &resolver{connection: b.connection, prefix: prefix, options: b.options, shown: newShown(cc, b.options.keep, prefix)}
	r.life, r.end = context.WithCancel(context.Background())
	r.running.Go(r.run)
	return r, nil
}

// prefixOf returns the prefix of the keys that a target names.
func prefixOf(u url.URL) (string, error) {
	var err error
	refuse := func(why string) {
		err = render.AlsoInvalid(err, "resolver: "+why+"; a target is etcd:///services/billing")
	}
	if u.Scheme != Scheme {
		refuse("the scheme of the target is not etcd")
	}
	if u.Host != "" || u.User != nil {
		refuse("the target has a host, and the connection is what Builder says")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		refuse("the target has a query or a fragment")
	}
	name := strings.TrimPrefix(u.Path, "/")
	if u.Opaque != "" { // etcd:services/billing, which etcd's own package takes
		name = u.Opaque
	}
	if name = strings.TrimSuffix(name, "/"); name == "" {
		refuse("the target names no service")
	}
	return name + "/", err
}
