// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"fmt"
	"slices"
)

// An Option changes the cluster that [Start] and [Run] make. A later option replaces an earlier one of the same function, but
// [WithFlags] adds to it.
type Option func(*options)

type options struct {
	size    int
	version string
	tls     bool
	proxy   bool
	flags   []string
}

// WithSize sets the number of members. The default is 1. A smaller number is an error of Start.
func WithSize(n int) Option {
	return func(o *options) { o.size = n }
}

// WithVersion sets the version of etcd, such as "v3.6.12". The Go module proxy has every version from v3.5.0 on, and
// v3.4.13. Another version needs its binary in $ETCD_BIN_3_4 or the variable of its minor version. The default is
// $ETCD_BIN, else $ETCD_VERSION, else [DefaultVersion].
func WithVersion(version string) Option {
	return func(o *options) { o.version = version }
}

// WithTLS makes members serve over TLS only. They accept only clients with a certificate of the cluster's own
// authority, as in [Cluster.TLSConfig]. The default is plaintext. Members always speak plaintext to each other.
func WithTLS() Option {
	return func(o *options) { o.tls = true }
}

// WithFlags passes further flags to every member, such as "--auth-token=simple". They come after the package's own
// flags and override them. Do not pass flags for the member's name, addresses or data directory. There is one
// exception: a single member may start on the data of a restored backup by "--data-dir", and Close does not remove it.
func WithFlags(flags ...string) Option {
	flags = slices.Clone(flags)
	return func(o *options) { o.flags = append(o.flags, flags...) }
}

// WithProxy puts a proxy before each member's client port and another one before its peer port. [Member.Cut],
// [Member.Delay], [Member.Blackhole], [Member.Sent], [Cluster.Partition], [Cluster.DelayPeers] and similar methods need
// it. [Cluster.Endpoints] and the member list then have the proxies' addresses.
func WithProxy() Option {
	return func(o *options) { o.proxy = true }
}

func newOptions(opts []Option) (options, error) {
	o := options{size: 1}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	if o.size < 1 {
		return o, fmt.Errorf("WithSize(%d): a cluster has at least one member", o.size)
	}
	if o.version != "" {
		version, err := parseVersion(o.version)
		if err != nil {
			return o, fmt.Errorf("WithVersion(%q): %w", o.version, err)
		}
		o.version = version
	}
	return o, nil
}
