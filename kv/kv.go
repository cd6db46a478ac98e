// SPDX-License-Identifier: Apache-2.0

// Package kv reads and writes keys: put, get, delete, compact, and transactions.
//
//	services := kv.New("registry").WithKey("services/") // "registry" is the name of an open connection
//	_, err := kv.Put(ctx, services.WithSubKey("billing").WithValue("10.0.0.1:80"))
//	all, err := kv.Get(ctx, services.WithPrefix().WithSort(kv.ByMod, kv.Descend).WithLimit(10))
//	for _, pair := range all.GetKvs() {
//		fmt.Printf("%s = %s at revision %d\n", pair.GetKey(), pair.GetValue(), pair.GetModRevision())
//	}
//
// [All], [GetMany] and [PutMany] read and write any number of keys.
//
// Every function takes an immutable [Request] and is safe for concurrent use. It returns one of these errors:
//
//   - [ErrInvalid], with every mistake in the request. Nothing was sent.
//   - conn.ErrNotOpen if no connection of that name is open, conn.ErrUnavailable if no endpoint has been Active for longer than
//     the connection has patience (conn.WithPatience), or conn.ErrEndpoint if WithEndpoint names an unknown one.
//   - an *etcderr.Error otherwise. It holds the server's answer as a sentinel such as etcderr.ErrCompacted.
//     etcderr.OutcomeOf tells whether a failed write may have been applied.
//
// A call ends at the deadline of its context or after WithTimeout, whichever is earlier. When neither is set, it ends after 5 s
// (conn.WithDefaultTimeout). For [All] and [Pages] these are limits of a page, and for [GetMany] and [PutMany] of a transaction,
// except that the context limits the whole.
//
// Its counterpart in eetcd is the module eetcd_kv: see docs/eetcd.md.
package kv

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/wire"
	"github.com/eetcd-go/eetcd/op"
)

// Request is an immutable request. [New] begins it, and each With method returns an edited copy. It is the same type in
// every package of the SDK, so one request can go to several of them.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Key returns a request with a key and without a connection. The operations of package op need none, and WithConn
// adds one for other calls.
func Key(key string) Request { return ctx.Key(key) }

// ErrInvalid says that the request is invalid, and nothing was sent. errors.Is finds it in the errors of every package of the
// SDK. An [*InvalidError] lists each mistake.
var ErrInvalid = ctx.ErrInvalid

// InvalidError lists everything that is wrong with a request. It wraps [ErrInvalid].
type InvalidError = ctx.InvalidError

// PrefixEnd returns the end of the range of keys that start with prefix: "b" for "a" and for "a\xff". For "" and for
// prefixes of only 0xff bytes it returns "\x00", which etcd reads as no end. WithPrefix makes such a range for a
// request. Use PrefixEnd for a range that begins within the prefix, such as the next page of a list.
func PrefixEnd(prefix string) string { return ctx.PrefixEnd(prefix) }

// SortTarget and SortOrder are arguments of WithSort and WithTop.
type (
	SortTarget = ctx.SortTarget
	SortOrder  = ctx.SortOrder
)

// The sort targets and orders for WithSort and WithTop.
const (
	ByKey     = ctx.ByKey
	ByVersion = ctx.ByVersion
	ByCreate  = ctx.ByCreate
	ByMod     = ctx.ByMod
	ByValue   = ctx.ByValue

	None    = ctx.None
	Ascend  = ctx.Ascend
	Descend = ctx.Descend
)

// Put writes the key of WithKey with the value of WithValue. It also takes WithLease, WithPrevKV, WithIgnoreValue and
// WithIgnoreLease. An empty key is etcderr.ErrEmptyKey, an unknown lease etcderr.ErrLeaseNotFound, and a request over the
// server's limit (1.5 MiB by default) etcderr.ErrRequestTooLarge. It calls KV/Put.
func Put(parent context.Context, c Request) (*pb.PutResponse, error) {
	request, err := render.Put(c)
	if err != nil {
		return nil, err
	}
	return wire.KV.Put.Call(parent, c, request)
}

// Get reads a key or a range of keys at one revision: the latest, or the one of WithRev. It is linearizable unless
// WithSerializable is given. Without WithLimit it returns all keys of the range. With it, More of the response tells
// whether there are more. [All] reads a range of any size. A compacted revision is etcderr.ErrCompacted, and a revision
// that is not written yet etcderr.ErrFutureRev. It calls KV/Range, or KV/Txn for reads of single keys that travel together
// (conn.WithoutBatching).
func Get(parent context.Context, c Request) (*pb.RangeResponse, error) {
	if render.OneKey(&c) {
		return wire.Read(parent, &c)
	}
	request, err := render.Range(c)
	if err != nil {
		return nil, err
	}
	return wire.KV.Range.Call(parent, c, request)
}

// Delete deletes a key or a range of keys. Deleted of the response counts them, and WithPrevKV returns them. It is no
// error if there are none. WithPrefix or WithFromKey without a key is refused; WithKey("").WithPrefix() deletes every
// key. It calls KV/DeleteRange.
func Delete(parent context.Context, c Request) (*pb.DeleteRangeResponse, error) {
	request, err := render.DeleteRange(c)
	if err != nil {
		return nil, err
	}
	return wire.KV.DeleteRange.Call(parent, c, request)
}

// Compact drops the history of all keys before the revision of WithRev, which it needs. With WithPhysical it returns
// when the server has removed that history from its storage. A compacted revision is etcderr.ErrCompacted, and a
// revision that is not written yet etcderr.ErrFutureRev. It calls KV/Compact.
func Compact(parent context.Context, c Request) (*pb.CompactionResponse, error) {
	request, err := render.Compaction(c)
	if err == nil && request.GetRevision() == 0 { // a server that has never compacted accepts it and does nothing
		err = render.AlsoInvalid(nil, "kv: a compact request needs WithRev")
	}
	if err != nil {
		return nil, err
	}
	return wire.KV.Compact.Call(parent, c, request)
}

// Txn runs a transaction: its Then operations if all its guards hold, otherwise its Else operations, all at one revision.
// The request c names the connection, and takes WithTimeout and WithEndpoint, but no key. Succeeded of the response tells which
// branch ran, and Responses has the answers to its operations in order. More operations than the server allows (128 by
// default) are etcderr.ErrTooManyOps. A key that is written twice is etcderr.ErrDuplicateKey. It calls KV/Txn.
func Txn(parent context.Context, c Request, t op.Transaction) (*pb.TxnResponse, error) {
	request, err := render.Txn(t, c)
	if err != nil {
		return nil, err
	}
	return wire.KV.Txn.Call(parent, c, request)
}
