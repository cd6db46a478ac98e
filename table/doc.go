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
// A [Table] lists the range page by page, and watches it from there on. It shows whole revisions only: what one transaction has
// written appears at once. Where the history is lost, because of a compaction or because the store was put back, wiped or
// replaced, the table lists the range again and shows the difference. Its readers never see an empty table in between. While no
// server can be reached, the table keeps what it has, and [Table.Status] tells since when it may be behind.
//
// [Live] is a table of one key, for configuration that changes while the program runs.
//
// The tables of a connection share its streams. A table costs one goroutine, and its memory is that of the decoded values and
// some 150 bytes a key.
//
// A user needs permission to read the range. All functions and methods are safe for concurrent use.
//
// It has no counterpart in eetcd.
package table

import "github.com/eetcd-go/eetcd/ctx"

// Request is what [Follow] and [Live] take: an immutable value that [New] begins and its With methods refine. It is the same type
// in every package of the SDK, so a request may be handed from one to another.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }
