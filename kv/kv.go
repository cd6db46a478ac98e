// SPDX-License-Identifier: Apache-2.0

// Package kv reads and writes keys: put, get, delete, compact, and transactions.
//
//	base := kv.Key("heartbeat:").WithConn("registry")
//	_, err := kv.Put(ctx, base.WithValue("10.0.0.1"))
//	all, err := kv.Get(ctx, base.WithPrefix().WithSort(kv.ByMod, kv.Descend).WithLimit(10))
//	for _, pair := range all.Kvs {
//		fmt.Printf("%s = %s at revision %d\n", pair.Key, pair.Value, pair.ModRevision)
//	}
//
// Every function takes the request as an immutable [Request], is safe for concurrent use, and returns:
//
//   - [ErrInvalid] for a request that makes no sense, with every conflict in it, before anything is sent;
//   - conn.ErrNotOpen for a request bound to no open connection, conn.ErrUnavailable while no endpoint is Active,
//     conn.ErrEndpoint for WithEndpoint of an unknown one;
//   - an *etcderr.Error otherwise, which holds the server's own answer as a sentinel such as etcderr.ErrCompacted,
//     and for a failed write whether it may have been applied: see etcderr.OutcomeOf.
//
// A call ends at the deadline of its context or of WithTimeout, whichever is earlier, and after 5 s where neither is set.
//
// Its counterpart in eetcd is the module eetcd_kv: see docs/eetcd.md.
package kv

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/unary"
	"github.com/eetcd-go/eetcd/op"
)

// Request is what the functions of this package take: an immutable value that [New] begins and its With methods refine. It is
// the same type in every package of the SDK, so a request may be handed from one to another.
type Request = ctx.Ctx

// New returns an empty request bound to the connection registered under that name.
func New(conn string) Request { return ctx.New(conn) }

// Key returns an unbound request for a key: for package op, or to bind later with WithConn.
func Key(key string) Request { return ctx.Key(key) }

// ErrInvalid is what errors.Is finds in the error of each call, in every package of the SDK, that was refused before anything
// was sent because its request makes no sense. An [*InvalidError] lists each mistake.
var ErrInvalid = ctx.ErrInvalid

// InvalidError lists everything that is wrong with a request. It is [ErrInvalid].
type InvalidError = ctx.InvalidError

// PrefixEnd returns the end of the range of keys that start with prefix: "b" for "a" and for "a\xff". For "" and for
// prefixes of nothing but 0xff bytes it is "\x00", which etcd reads as no end. WithPrefix does it for a request; it is
// for a range that begins elsewhere, such as the next page of one.
func PrefixEnd(prefix string) string { return ctx.PrefixEnd(prefix) }

// SortTarget and SortOrder are what WithSort and WithTop take.
type (
	SortTarget = ctx.SortTarget
	SortOrder  = ctx.SortOrder
)

// What WithSort and WithTop sort by, and in which order.
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

// Put writes one key: WithKey and WithValue, and where wanted WithLease, WithPrevKV, WithIgnoreValue or
// WithIgnoreLease. An empty key is etcderr.ErrEmptyKey, an unknown lease etcderr.ErrLeaseNotFound, a request over the
// server's limit (1.5 MiB by default) etcderr.ErrRequestTooLarge. It calls KV/Put.
func Put(parent context.Context, c Request) (*pb.PutResponse, error) {
	request, err := c.PutRequest()
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.PutResponse](parent, c, pb.KV_Put_FullMethodName, request)
}

// Get reads a key or a range of keys at one revision: the latest, or that of WithRev. It is linearizable unless
// WithSerializable is given. No limit applies unless WithLimit is given; More of the response then says whether there
// is more. A compacted revision is etcderr.ErrCompacted, one not yet written etcderr.ErrFutureRev. It calls KV/Range.
func Get(parent context.Context, c Request) (*pb.RangeResponse, error) {
	request, err := c.RangeRequest()
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.RangeResponse](parent, c, pb.KV_Range_FullMethodName, request)
}

// Delete deletes a key or a range of keys. Deleted of the response counts them; WithPrevKV returns them. To delete what
// is not there is no error. WithPrefix or WithFromKey without a key is refused; WithKey("").WithPrefix() deletes every
// key. It calls KV/DeleteRange.
func Delete(parent context.Context, c Request) (*pb.DeleteRangeResponse, error) {
	request, err := c.DeleteRangeRequest()
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.DeleteRangeResponse](parent, c, pb.KV_DeleteRange_FullMethodName, request)
}

// Compact drops the history of all keys before the revision of WithRev, which it needs. With WithPhysical it returns only when the
// space has been given back to the database. A revision compacted already is etcderr.ErrCompacted, one not yet written
// etcderr.ErrFutureRev. It calls KV/Compact.
func Compact(parent context.Context, c Request) (*pb.CompactionResponse, error) {
	request, err := c.CompactionRequest()
	if err == nil && request.GetRevision() == 0 { // which servers take for a compaction of nothing, the first time
		err = ctx.AlsoInvalid(nil, "kv: a compact request needs WithRev")
	}
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.CompactionResponse](parent, c, pb.KV_Compact_FullMethodName, request)
}

// Txn carries out a transaction: its Then operations if all its guards hold, else its Else operations, all at one
// revision. c says on which connection, and where wanted WithTimeout and WithEndpoint, but no key. Succeeded of the
// response says which branch was taken; Responses answers its operations in order. More operations than the server
// allows (128 by default) are etcderr.ErrTooManyOps, a key written twice is etcderr.ErrDuplicateKey. It calls KV/Txn.
func Txn(parent context.Context, c Request, t op.Transaction) (*pb.TxnResponse, error) {
	request, err := t.TxnRequest(c)
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.TxnResponse](parent, c, pb.KV_Txn_FullMethodName, request)
}
