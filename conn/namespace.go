// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"fmt"

	"github.com/eetcd-go/eetcd/internal/connerr"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/namespace"
)

// Namespace opens a connection to the part of the key space that has a prefix, and registers it under a name of its own. Requests by
// that name have the prefix put before each key, and taken off each key of the answer. So a program, or a part of it, works below
// the prefix without knowing it, and cannot reach a key outside:
//
//	tenant, err := c.Namespace("tenant-7", "tenants/7/")
//	_, err = kv.Put(ctx, kv.New("tenant-7").WithKey("color").WithValue("red")) // tenants/7/color
//
// A namespace is a connection like any other: every package of this SDK and every gRPC stub works over it. A namespace of a
// namespace has both prefixes, the outer one first. The prefix applies to keys, ranges, guards, transactions, watches,
// locks, elections and the keys of a lease. A range of all keys, or from a key on, ends with the last key that has the
// prefix. The key that equals the prefix is not in the namespace.
//
// Leases and their IDs are those of the cluster. Requests that concern the whole cluster are kv.ErrInvalid and are not sent:
// compaction, members, maintenance, users, and RPCs that this version does not know. A namespace does not protect against malice,
// because a program can revoke any lease, and use c itself. Use etcd's users and roles for that.
//
// The namespace uses the endpoints, transports, token, retry budget and options of c. Its watch and lease streams are its own. Its
// method [Conn.Info] shows the endpoints of c. The functions [Info] and [WriteInfo] show them once, under the name of c.
// [Conn.Sync] and [Conn.SetEndpoints] of the namespace change the endpoints of c. The state listener of c gets each change of state
// once, with the name of c.
//
// Close of c also closes its namespaces. Close of a namespace ends, with ErrClosed, only what was begun under its name.
//
// An empty name or an empty prefix is ErrOption, a name that is open is ErrAlreadyOpen, and if c is closed the error is ErrClosed.
// Namespace sends nothing, and is safe for concurrent use.
func (c *Conn) Namespace(name, prefix string) (*Conn, error) {
	if !c.open() {
		return nil, ErrNotOpen
	}
	var wrong []error
	if name == "" {
		wrong = append(wrong, fmt.Errorf("%w: Namespace needs a name", ErrOption))
	}
	if prefix == "" {
		wrong = append(wrong, fmt.Errorf("%w: Namespace needs a prefix", ErrOption))
	}
	if err := connerr.All(wrong...); err != nil {
		return nil, err
	}
	if c.engine.Closed() { // also if the name is open
		return nil, connerr.Closed(c.Name())
	}
	prefix = c.prefix + prefix
	face := func(e *engine.Conn) any { return &Conn{e, prefix} }
	e, err := engine.Namespace(c.engine, name, namespace.New(name, prefix), face)
	if err != nil {
		return nil, err
	}
	return faceOf(e), nil
}
