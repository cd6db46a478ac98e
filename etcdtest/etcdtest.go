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
// Without [WithVersion], $ETCD_BIN says which to run: a path, or a name on $PATH. Where it is not set, or a
// version is asked for, that version is run, else the one of $ETCD_VERSION, else [DefaultVersion]:
//
//   - from $ETCD_BIN_3_6 ($ETCD_BIN_3_5 and so on), whose minor version must match,
//   - or from $ETCD_BIN where it is that very version,
//   - or built by the go command from the Go module proxy. That takes about a minute once, since the result
//     stays in the user's cache directory, whatever program asks for it next. Standard error says so.
//
// Where none of them is possible, Start fails the test and Run returns an error; nothing is ever skipped.
//
// # Failures
//
// The methods of [Cluster], [Member] and the like have no error results. What goes wrong in one of them is
// kept for [Cluster.Err]; on a cluster from [Start] it also marks the test as failed, without ending it, so that
// every method may be called from any goroutine. When a test has failed, the end of each server's log is
// printed with it.
//
// # What lies between
//
// With [WithProxy] the network may be broken as well as the members: [Member.Cut], [Member.ForgetIdle],
// [Cluster.Partition], [Cluster.DelayPeers] and their like. [Member.Sent] and [Member.Received] count the bytes of clients.
//
// [Cluster.GRPCProxy] has etcd's own proxy before the members, which can be killed, cut off and started again like them.
// [Cluster.Balancer] is a load balancer, which retires connections by GOAWAY as such do.
//
// [StartKine] runs kine, another server that speaks a part of etcd's protocol.
//
// # What is stored
//
// [Cluster.SaveData] copies what the members have stored, and [Cluster.RestoreData] puts them back to it. After
// [Cluster.Wipe] the addresses have an empty cluster with the same IDs, after [Cluster.Replace] with others.
//
// # Growing
//
// A cluster keeps the members that it was started with, unless the test changes that: [Cluster.NewMember] has
// a further one for the cluster to admit. Members are removed by telling the cluster, as in production.
//
// # Limits
//
// Members listen on 127.0.0.1 only, on ports that were free. On Linux they keep them over restarts and die
// with the process that started them, even if it is killed; elsewhere another program may take the port of
// a member that is down, and a killed process leaves its members running. [Member.Pause] needs a Unix.
package etcdtest

import (
	"context"
	"testing"
)

// DefaultVersion is the etcd that runs where neither [WithVersion] nor the environment names another.
const DefaultVersion = "v3.7.3"

// Start runs a cluster, of one member unless [WithSize] says otherwise, and returns once every member
// serves and sees a leader, which takes it well under a second once the binary is there. It ends the test
// where that does not come about within a minute, so it must be called from the test's own goroutine. The
// cluster is closed when tb ends.
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
