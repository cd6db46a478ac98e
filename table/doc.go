// SPDX-License-Identifier: Apache-2.0

// Package table keeps a local copy of a range of keys that stays true, and reads from it without a server.
//
//	services, err := table.Follow(ctx, table.New("registry").WithKey("services/").WithPrefix(), table.String)
//	if err != nil {
//		return err
//	}
//	defer services.Close()
//	billing, there := services.Get("services/billing") // no server, no lock
//	for entry := range services.Snapshot().Prefix("services/eu/") {
//		fmt.Println(entry.Key, entry.Value)
//	}
//
// A [Table] lists the range page by page, and then watches it. It shows whole revisions only: all writes of a transaction appear
// together. History may be lost by a compaction, or when the store is restored, wiped or replaced. Then the table lists the range
// again and shows the difference. Its readers never see an empty table in between. While no server can be reached, the table keeps
// its entries, and [Table.Status] tells since when it may be behind.
//
// [Follow] waits for the first list without a limit, unless WithTimeout or the context sets one. [Table.WaitRev] waits until its
// context ends.
//
// [Live] is a table of one key, for configuration that changes while the program runs.
//
// The tables of a connection share its streams. A table costs one goroutine, the memory of its keys and decoded values, and some 200
// bytes for each key.
//
// The user of the connection needs permission to read the range. All functions and methods are safe for concurrent use. The
// package has no counterpart in eetcd.
package table

import "github.com/eetcd-go/eetcd/ctx"

// Request names a key or range of a connection for [Follow] and [Live]. It is an immutable value: [New] makes one, and its With
// methods return edited copies. Every package of the SDK has the same type, so one request serves several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }
