// SPDX-License-Identifier: Apache-2.0

// Package adapter is etcd's client type, go.etcd.io/etcd/client/v3, on a connection of this SDK. A program that was written
// for clientv3 changes the line that makes its client, and nothing else:
//
//	c, err := conn.Open(ctx, "registry", endpoints)
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	cli := adapter.New(c) // a *clientv3.Client
//	defer cli.Close()
//
// The module requires version 3.7.3 of clientv3, so a program with an older one gets that. Servers may be as old as this SDK allows.
//
// The packages of clientv3 that take a client or one of its interfaces run on it too: concurrency, namespace, naming, leasing,
// ordering and mirror.
//
// Every request goes over the connection, with its retries, hedges, batches, failover and credentials. Watches and kept leases
// are those of the packages watch and lease of this SDK. Answers, errors and channels are clientv3's. What is not the same:
//
//   - A request with a deadline waits for an outage of all endpoints to end until then, as clientv3 does. One without a
//     deadline fails with conn.ErrUnavailable once the connection's patience has run out. The connection's default timeout does
//     not count: a request without a deadline has none. While there is no leader, a write without a deadline ends after 30 s with
//     rpctypes.ErrNoLeader, and a read waits.
//   - A watch is bounded in memory (watch.DefaultBuffer). A slow reader delays its own watch.
//   - Watches and kept leases leave a member without a leader for another one, whether or not their context has
//     clientv3.WithRequireLeader.
//   - A watch whose store was restored from a copy ends with a response that is Canceled and tells so.
//   - The last response of a watch that is refused for want of a permission has rpctypes.ErrPermissionDenied as its error. In
//     clientv3 it has an error with the text of a gRPC error.
//   - Through a gRPC proxy, a watch of all keys or of all that its user may watch does not reach the very last keys of its range.
//     When there is one, the watch ends with a response that is Canceled, and whose CancelReason is the text of watch.ErrBeyond.
//     In clientv3 such a watch can lose events.
//   - A kept lease counts as lost when its last acknowledged renewal, by the time it was sent, is older than its TTL.
//   - RequestProgress returns an error where the server does not answer such requests, as behind a gRPC proxy.
//   - MoveLeader finds the leader among the Active endpoints. If none of them is the leader's, it returns rpctypes.ErrNotLeader.
//
// Some methods of clientv3.Client work on fields that only clientv3 can set. Endpoints returns the endpoints that the connection
// had when the client was made. SetEndpoints and Sync change what Endpoints returns, and nothing else: conn.Conn has methods of
// the same names. ActiveConnection returns a gRPC connection whose calls all go over this SDK's. Dial returns one whose calls
// fail with codes.Unimplemented: pass conn.OnEndpoint to a stub on the conn.Conn instead. Username, Password and Token are
// empty, because a connection does not reveal them.
package adapter

import (
	"context"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/conn"
)

// New returns a client of etcd's own type on a connection. It sends nothing. Close of the client ends its watches, its kept
// leases and its requests. It does not close the connection, which may have other users. Close of the connection ends all that
// the client does, with errors that clientv3.IsConnCanceled recognises. The client never uses another connection, even if one is
// opened under the same name later. On a nil connection every request fails with conn.ErrNotOpen.
//
// The client is safe for concurrent use. One connection may have several clients.
func New(c *conn.Conn) *clientv3.Client {
	cli, life := shell(c)
	w := &wire{conn: c, life: life}
	cli.KV = kvOn(w)
	cli.Watcher = newWatcher(w)
	cli.Lease = newLessor(w)
	cli.Cluster = clusterOn(w)
	cli.Auth = authOn(w)
	cli.Maintenance = maintenanceOn(w)
	return cli
}

// KV returns the part of [New]'s client that reads and writes keys. It is safe for concurrent use.
func KV(c *conn.Conn) clientv3.KV { return kvOn(&wire{conn: c}) }

// Watcher returns the part of [New]'s client that watches keys. Close ends its watches. It is safe for concurrent use.
func Watcher(c *conn.Conn) clientv3.Watcher { return newWatcher(&wire{conn: c}) }

// Lease returns the part of [New]'s client that has leases. Close stops keeping them alive. It is safe for concurrent use.
func Lease(c *conn.Conn) clientv3.Lease { return newLessor(&wire{conn: c}) }

// Cluster returns the part of [New]'s client that has the members of the cluster. It is safe for concurrent use.
func Cluster(c *conn.Conn) clientv3.Cluster { return clusterOn(&wire{conn: c}) }

// Auth returns the part of [New]'s client that has users and roles. It is safe for concurrent use.
func Auth(c *conn.Conn) clientv3.Auth { return authOn(&wire{conn: c}) }

// Maintenance returns the part of [New]'s client that looks after members. It is safe for concurrent use.
func Maintenance(c *conn.Conn) clientv3.Maintenance { return maintenanceOn(&wire{conn: c}) }

func kvOn(w *wire) clientv3.KV {
	return clientv3.NewKVFromKVClient(etcdserverpb.NewKVClient(w), bare())
}

func clusterOn(w *wire) clientv3.Cluster {
	return clientv3.NewClusterFromClusterClient(etcdserverpb.NewClusterClient(w), bare())
}

func authOn(w *wire) clientv3.Auth {
	return clientv3.NewAuthFromAuthClient(etcdserverpb.NewAuthClient(w), bare())
}

// bare is a client that lends its silent logger to etcd's code, and no call options.
func bare() *clientv3.Client { return clientv3.NewCtxClient(context.Background()) }
