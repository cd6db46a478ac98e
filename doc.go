// SPDX-License-Identifier: Apache-2.0

// Package eetcd is the root of an SDK for etcd v3. It has no code of its own: each service of etcd is a package below it.
//
// A program opens a connection once, under a name, and sends requests by that name:
//
//	c, err := conn.Open(ctx, "registry", []string{"10.0.0.1:2379", "10.0.0.2:2379", "10.0.0.3:2379"})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	_, err = kv.Put(ctx, kv.New("registry").WithKey("services/billing").WithValue("10.0.0.1:80"))
//
// Three ideas are the same in all packages:
//
//   - A connection looks after itself. It checks the members, reconnects forever, and retries what is safe to retry. See
//     [github.com/eetcd-go/eetcd/conn].
//   - A request is an immutable value. Each With method returns an edited copy, and the call that sends the request reports all
//     mistakes in it at once. See [github.com/eetcd-go/eetcd/kv].
//   - An error says whether the call may have taken effect. See [github.com/eetcd-go/eetcd/etcderr].
//
// # Packages
//
//   - [github.com/eetcd-go/eetcd/conn]: named connections
//   - [github.com/eetcd-go/eetcd/config]: connections from etcdctl's variables, a URL, a file or the DNS
//   - [github.com/eetcd-go/eetcd/kv]: put, get, delete, compact and transactions, with [github.com/eetcd-go/eetcd/op] and
//     [github.com/eetcd-go/eetcd/compare]
//   - [github.com/eetcd-go/eetcd/lease]: leases that are kept alive
//   - [github.com/eetcd-go/eetcd/watch]: watches that resume
//   - [github.com/eetcd-go/eetcd/lock], [github.com/eetcd-go/eetcd/election]: locks and elections, with fencing
//   - [github.com/eetcd-go/eetcd/presence]: keys that announce a process, and come back
//   - [github.com/eetcd-go/eetcd/table]: a local copy of a range of keys that stays true
//   - [github.com/eetcd-go/eetcd/resolver]: gRPC clients that find their servers in etcd
//   - [github.com/eetcd-go/eetcd/stm]: software transactional memory
//   - [github.com/eetcd-go/eetcd/typed]: values with a codec, changed by compare and swap
//   - [github.com/eetcd-go/eetcd/cluster], [github.com/eetcd-go/eetcd/maintenance], [github.com/eetcd-go/eetcd/auth]: the members,
//     their databases, and the users
//   - [github.com/eetcd-go/eetcd/etcderr]: errors and outcomes
//   - [github.com/eetcd-go/eetcd/etcdtest]: real servers for tests, and faults for them
//
// # Where to read on
//
// The tour, docs/tour.md, goes through all of it task by task. docs/clientv3.md and docs/eetcd.md list, for each call of these
// clients, its counterpart here. ARCHITECTURE.md says how the SDK is built, and where to look during an outage.
package eetcd
