// SPDX-License-Identifier: Apache-2.0

// Package typed stores values of a Go type under a common key: encoded by a codec, and changed by compare and swap.
//
//	accounts := typed.Of(typed.New("registry").WithKey("accounts/"), typed.JSON[Account]())
//	_, err := accounts.Create(ctx, "a", Account{Owner: "ann"}) // the key is accounts/a
//	if err != nil {
//		return err // errors.Is(err, typed.ErrExists) if it is there already
//	}
//	entry, err := accounts.Update(ctx, "a", func(old Account, there bool) (Account, error) {
//		old.Balance += 10
//		return old, nil
//	})
//
// A [Store] is an immutable value. It is safe for concurrent use if its codec is, and those of this package are.
//
// # Options
//
// One request is the base of all methods of a store. Each method takes the options that concern it:
//
//   - WithKey and WithSubKey name the key that all keys of the store begin with, usually up to a slash.
//   - WithTimeout limits each call, an Update with all its rounds, and each page of All. Without it and without a deadline
//     of the context, the limit is 5 s (conn.WithDefaultTimeout).
//   - WithEndpoint sends all requests to one member.
//   - WithLease attaches what Put, Create and Update write to that lease. Put and Create use no lease by default, and Update
//     leaves the key's lease as it is. Get, All and Delete ignore WithLease.
//   - WithSerializable lets each member that is asked answer Get and All from its own data. The other methods ignore it.
//   - WithRev makes a store of the past: Get and All read at that revision, and the other methods refuse.
//
// All other options are refused, among them WithPrefix and the other ranges, WithValue, WithPrevKV and WithIgnoreLease.
//
// # Errors
//
//   - kv.ErrInvalid, with every mistake in the request. Nothing was sent.
//   - [ErrMissing], [ErrExists] and [ErrConflict]: the servers refused, and nothing was written.
//   - [*CodecError]: the codec failed, and nothing was written.
//   - the errors of package kv, such as etcderr.ErrRequestTooLarge for a value over the server's limit (1.5 MiB by default).
//
// For each of them, etcderr.OutcomeOf tells whether something may have been written. No error text shows a value, unless a codec
// of your own puts it there.
//
// It has no counterpart in eetcd.
package typed

import "github.com/eetcd-go/eetcd/ctx"

// Request is the immutable request that [Of] takes. [New] begins it, and each With method returns an edited copy. It is the
// same type in every package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }
