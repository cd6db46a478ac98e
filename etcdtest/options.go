// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"fmt"
	"slices"
)

// An Option changes what [Start] and [Run] run. Where one is given twice the last one wins, except that
// [WithFlags] adds up.
type Option func(*options)

type options struct {
	size    int
	version string
	tls     bool
	proxy   bool
	flags   []string
}

// WithSize sets the number of members. The default is 1; less is an error of Start.
func WithSize(n int) Option {
	return func(o *options) { o.size = n }
}

// WithVersion picks the version of etcd, such as "v3.6.12". Every version from v3.5.0 on that the Go module
// proxy knows can be built, and v3.4.13; another one needs its binary in $ETCD_BIN_3_4 and the like. The
// default is $ETCD_BIN, else $ETCD_VERSION, else [DefaultVersion].
func WithVersion(version string) Option {
	return func(o *options) { o.version = version }
}

// WithTLS serves clients over TLS only, and only those that show a certificate of the cluster's own
// authority: [Cluster.TLSConfig] has one. The default is plaintext. Members always speak plaintext to each other.
func WithTLS() Option {
	return func(o *options) { o.tls = true }
}

// WithFlags passes further flags to every member, such as "--auth-token=simple". They come after the
// package's own, so they win over them; those that name the member, its addresses or its data directory
// must be left alone. There is one exception: a single member may be started on the data of a backup that has
// been restored, by "--data-dir", which Close leaves there.
func WithFlags(flags ...string) Option {
	flags = slices.Clone(flags)
	return func(o *options) { o.flags = append(o.flags, flags...) }
}

// WithProxy puts a proxy before each member's client port and another before its peer port, so that
// [Member.Cut], [Member.Delay], [Member.Blackhole], [Member.Sent], [Cluster.Partition], [Cluster.DelayPeers] and the
// like work. [Cluster.Endpoints] and the member list then hold the proxies' addresses.
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
