// SPDX-License-Identifier: Apache-2.0

// Package etcdtest runs real etcd servers on loopback ports, for tests, examples and programs, and breaks them on
// request.
//
// A test calls [Start], and the servers end with the test. A program calls [Run] and [Cluster.Close].
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
// Without [WithVersion], the binary of $ETCD_BIN runs: a path, or a name on $PATH. Otherwise a version runs: that of
// WithVersion, or else that of $ETCD_VERSION, or else [DefaultVersion]. Its binary comes from the first of these places
// that has it:
//
//   - $ETCD_BIN_3_6 ($ETCD_BIN_3_5 and so on), whose minor version must match.
//   - $ETCD_BIN, if it has exactly that version.
//   - A build by the go command from the Go module proxy. It takes about a minute and is announced on standard error.
//     The result stays in the user's cache directory, for all programs.
//
// If there is no binary, Start fails the test and Run returns an error. No test is ever skipped.
//
// # Failures
//
// The methods of [Cluster], [Member] and the other types return no errors. [Cluster.Err] returns their first error. On
// a cluster from [Start] an error also marks the test as failed, without ending it, so any goroutine may call the
// methods. The output of a failed test has the end of each server's log.
//
// # Networks and proxies
//
// With [WithProxy] the network can be broken too: see [Member.Cut], [Member.ForgetIdle], [Cluster.Partition] and
// [Cluster.DelayPeers]. [Member.Sent] and [Member.Received] count the bytes of clients.
//
// [Cluster.GRPCProxy] puts etcd's own proxy before the members. It can be killed, cut off and started again as they
// can. [Cluster.Balancer] is a load balancer that retires connections by GOAWAY.
//
// [StartKine] runs kine, another server that speaks a part of etcd's protocol.
//
// # Stored data
//
// [Cluster.SaveData] copies what the members have stored, and [Cluster.RestoreData] restores it. [Cluster.Wipe] leaves
// an empty cluster with the same IDs at the same addresses, and [Cluster.Replace] one with new IDs.
//
// # New members
//
// [Cluster.NewMember] makes a member that the cluster may then admit. Members are removed by a request to the cluster,
// as in production.
//
// # Limits
//
// Members listen on 127.0.0.1 only, on free ports. On Linux they keep their ports when they restart, and die with the
// process that started them even if it is killed. On other systems another program may take the port of a stopped member,
// and a killed process leaves its members running. [Member.Pause] needs a Unix.
package etcdtest

import (
	"context"
	"testing"
)

// DefaultVersion is the etcd version that runs if neither [WithVersion] nor the environment names one.
const DefaultVersion = "v3.7.3"

// Start starts a cluster, of one member unless [WithSize] says otherwise. It returns when every member serves and sees
// a leader, in well under a second if the binary exists. If that takes more than a minute, it ends the test with
// Fatalf, so call it from the test's own goroutine. The cluster is closed when tb ends.
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

// Run is [Start] for programs. parent limits the start, and the build of a missing binary. The cluster runs until
// [Cluster.Close].
func Run(parent context.Context, opts ...Option) (*Cluster, error) {
	return launch(parent, nil, opts)
}
