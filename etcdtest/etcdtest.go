// SPDX-License-Identifier: Apache-2.0

// Package etcdtest runs real etcd servers on loopback ports, for tests, examples and programs that want an
// etcd of their own, and breaks them on request.
//
// A test calls [Start] and forgets about it: the servers end with the test. A program calls [Run] and
// [Cluster.Close].
//
//	func TestRegistry(t *testing.T) {
//		c := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
//		registry := newRegistry(c.Endpoints())
//		c.Leader().Kill()
//		registry.mustStillAnswer(t)
//	}
//
// # The server binary
//
// It is found in this order:
//
//   - [WithVersion] asks for one version. $ETCD_BIN serves it if it is that very version, and $ETCD_BIN_3_6
//     (_3_5, and so on) if it has that minor version.
//   - $ETCD_BIN: a path or a name on $PATH, of any version.
//   - $ETCD_VERSION, else [DefaultVersion].
//
// A version that is not at hand is built by the go command from the Go module proxy, which takes about a
// minute, and kept in the user's cache directory for all programs and all time. Where neither is possible,
// Start fails the test and Run returns an error; nothing is ever skipped.
//
// # Failures
//
// The methods of [Cluster] and [Member] have no error results. What goes wrong in one of them is kept for
// [Cluster.Err]; on a cluster from [Start] it also marks the test as failed, without ending it, so that
// every method may be called from any goroutine. When a test has failed, the end of each member's log is
// printed with it.
package etcdtest

import (
	"context"
	"testing"
)

// DefaultVersion is the etcd that runs where neither [WithVersion] nor the environment names another.
const DefaultVersion = "v3.7.3"

// Start runs a cluster, of one member unless [WithSize] says otherwise, and returns once every member
// serves and sees a leader. It ends the test where that is not possible, so it must be called from the
// test's own goroutine. The cluster is closed when tb ends; the members also die with the test process,
// however that ends, where the operating system can arrange it (Linux).
func Start(tb testing.TB, opts ...Option) *Cluster {
	tb.Helper()
	c, err := launch(tb.Context(), tb, opts)
	if err != nil {
		tb.Fatalf("etcdtest: %v", err)
	}
	tb.Cleanup(func() {
		c.dumpLogs()
		if err := c.shutdown(); err != nil {
			tb.Errorf("etcdtest: %v", err)
		}
	})
	return c
}

// Run is [Start] for programs. parent bounds the start, and the build of the binary where one is needed;
// it has no bearing on the cluster after that, which lives until [Cluster.Close].
func Run(parent context.Context, opts ...Option) (*Cluster, error) {
	return launch(parent, nil, opts)
}
