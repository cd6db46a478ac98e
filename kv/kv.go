// SPDX-License-Identifier: Apache-2.0

// Package kv reads and writes keys: put, get, delete, compact, and transactions.
//
//	base := kv.Key("heartbeat:").WithConn("registry")
//	_, err := kv.Put(parent, base.WithValue("10.0.0.1"))
//	all, err := kv.Get(parent, base.WithPrefix().WithSort(kv.ByMod, kv.Descend).WithLimit(10))
//	for _, pair := range all.Kvs {
//		fmt.Printf("%s = %s at revision %d\n", pair.Key, pair.Value, pair.ModRevision)
//	}
//
// Every function takes the request as an immutable [ctx.Ctx], is safe for concurrent use, and returns:
//
//   - ctx.ErrInvalid for a request that makes no sense, with every conflict in it, before anything is sent;
//   - conn.ErrNotOpen for a request bound to no open connection, conn.ErrUnavailable while no endpoint is Active,
//     conn.ErrEndpoint for WithEndpoint of an unknown one;
//   - an [*etcderr.Error] otherwise, which holds the server's own answer as a sentinel such as etcderr.ErrCompacted,
//     and for a failed write whether it may have been applied: see etcderr.OutcomeOf.
//
// A call ends at the deadline of its context or of WithTimeout, whichever is earlier, and after 5 s where neither is set.
package kv

import (
	"context"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/unary"
	"github.com/eetcd-go/eetcd/op"
)

// New returns an empty request bound to the connection registered under that name. It mirrors eetcd_kv:new/1.
func New(conn string) ctx.Ctx { return ctx.New(conn) }

// Key returns an unbound request for a key: for package op, or to bind later with WithConn.
func Key(key string) ctx.Ctx { return ctx.Key(key) }

// What WithSort and WithTop sort by, and in which order, as in package ctx.
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
// server's limit (1.5 MiB by default) etcderr.ErrRequestTooLarge. It calls KV/Put and mirrors eetcd_kv:put/1 and put/3.
func Put(parent context.Context, c ctx.Ctx) (*pb.PutResponse, error) {
	request, err := c.PutRequest()
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.PutResponse](parent, c, pb.KV_Put_FullMethodName, request)
}

// Get reads a key or a range of keys at one revision: the latest, or that of WithRev. It is linearizable unless
// WithSerializable is given. No limit applies unless WithLimit is given; More of the response then says whether there
// is more. A compacted revision is etcderr.ErrCompacted, one not yet written etcderr.ErrFutureRev. It calls KV/Range
// and mirrors eetcd_kv:get/1 and get/2.
func Get(parent context.Context, c ctx.Ctx) (*pb.RangeResponse, error) {
	request, err := c.RangeRequest()
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.RangeResponse](parent, c, pb.KV_Range_FullMethodName, request)
}

// Delete deletes a key or a range of keys. Deleted of the response counts them; WithPrevKV returns them. To delete what
// is not there is no error. WithPrefix or WithFromKey without a key is refused; WithKey("").WithPrefix() deletes every
// key. It calls KV/DeleteRange and mirrors eetcd_kv:delete/1 and delete/2.
func Delete(parent context.Context, c ctx.Ctx) (*pb.DeleteRangeResponse, error) {
	request, err := c.DeleteRangeRequest()
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.DeleteRangeResponse](parent, c, pb.KV_DeleteRange_FullMethodName, request)
}

// Compact drops the history of all keys before the revision of WithRev. With WithPhysical it returns only when the
// space has been given back to the database. A revision compacted already is etcderr.ErrCompacted, one not yet written
// etcderr.ErrFutureRev. It calls KV/Compact and mirrors eetcd_kv:compact/1 and compact/2.
func Compact(parent context.Context, c ctx.Ctx) (*pb.CompactionResponse, error) {
	request, err := c.CompactionRequest()
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.CompactionResponse](parent, c, pb.KV_Compact_FullMethodName, request)
}

// Txn carries out a transaction: its Then operations if all its guards hold, else its Else operations, all at one
// revision. c says on which connection, and where wanted WithTimeout and WithEndpoint, but no key. Succeeded of the
// response says which branch was taken; Responses answers its operations in order. More operations than the server
// allows (128 by default) are etcderr.ErrTooManyOps, a key written twice is etcderr.ErrDuplicateKey. It calls KV/Txn and
// mirrors eetcd_kv:txn/4.
func Txn(parent context.Context, c ctx.Ctx, t op.Transaction) (*pb.TxnResponse, error) {
	request, err := t.TxnRequest(c)
	if err != nil {
		return nil, err
	}
	return unary.Call[pb.TxnResponse](parent, c, pb.KV_Txn_FullMethodName, request)
}
