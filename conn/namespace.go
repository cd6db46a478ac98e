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
// It is a connection like any other for every package of this SDK, for gRPC stubs made over it, and for further namespaces, whose
// prefixes are joined. It covers keys, ranges, guards, transactions, watches, locks, elections and the keys of a lease. "All keys"
// and "from a key on" end with the prefix. The key that equals the prefix is not part of it. Leases and their IDs are the cluster's.
// It refuses what concerns the whole cluster with kv.ErrInvalid, before anything is sent: compaction, members, maintenance, users,
// and RPCs that it does not know. A namespace is no protection against malice: leases can be revoked, and the program still has
// the connection. Users and roles of etcd are one.
//
// The namespace uses the endpoints, transports, token and retry budget of c, and its options. It has watch and lease streams of
// its own. Its Info shows the endpoints of c, and the functions [Info] and [WriteInfo] show them once, under the name of c. Sync and
// SetEndpoints change the endpoints of c. Changes of state are told to the listener of c, with the name of c.
//
// Close of c closes its namespaces too. Close of a namespace ends what was begun under its name, with ErrClosed, and nothing else.
//
// An empty name or an empty prefix is ErrOption, a name that is open is ErrAlreadyOpen, and if c is closed the error is ErrClosed.
// Namespace sends nothing, and is safe for concurrent use.
func (c *Conn) Namespace(name, prefix string) (*Conn, error) {
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
