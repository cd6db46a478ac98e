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
// A target is etcd:/// and the name of a service. The target etcd:///services/billing finds the instances whose keys begin with
// services/billing/. A slash at the end of the target makes no difference. If the name itself begins with a slash, write four
// slashes: etcd:////services/billing. A target without a name, or with anything else, such as a host or a query, is
// kv.ErrInvalid. So is a Builder with an empty name.
//
// The connection may be opened after the client. The program may also close it, and open another one under its name. While there is
// none, the resolver looks for it four times a second. Until the first list is read, calls fail with codes.Unavailable and the
// error of the last attempt. Calls with grpc.WaitForReady wait instead. After the first list gRPC keeps the last one in an
// outage, also when it goes idle meanwhile. gRPC gets at most ten lists a second. Its requests to resolve again do nothing, because
// the watch reports each change anyway.
//
// Each process has an order of addresses of its own, and keeps it. gRPC's default policy uses the first server that answers, so the
// clients of a service spread over its instances. A balancer gets weight, zone and metadata from [FromEndpoint].
//
// With TLS, gRPC checks the certificate of a server against the name of the service. To have it check another name, set
// grpc.WithAuthority, or the server name of the credentials.
func Builder(connection string, opts ...Option) grpcresolver.Builder {
	return &builder{connection: connection, options: optionsOf(opts)}
}

type builder struct {
	connection string
	options    options
	memory     memory
}

func (*builder) Scheme() string { return Scheme }

// Build begins to resolve a target. gRPC calls it.
func (b *builder) Build(
	target grpcresolver.Target, cc grpcresolver.ClientConn, _ grpcresolver.BuildOptions,
) (grpcresolver.Resolver, error) {
	prefix, err := prefixOf(target.URL)
	if b.connection == "" {
		err = render.AlsoInvalid(err, "resolver: Builder has no name of a connection")
	}
	if b.options.invalid != nil {
		return nil, b.options.invalid
	}
	if err != nil {
		return nil, err
	}
	r := &resolver{connection: b.connection, prefix: prefix, options: b.options, told: b.memory.of(prefix).told}
	r.shown = newShown(cc, prefix, b.options.keep, &b.memory, r.inStep)
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
		var bad error
		if name, bad = url.PathUnescape(u.Opaque); bad != nil {
			refuse("the name of the target has a bad escape")
		}
	}
	if name = strings.TrimSuffix(name, "/"); name == "" {
		refuse("the target names no service")
	}
	return name + "/", err
}
