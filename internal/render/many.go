// SPDX-License-Identifier: Apache-2.0

package render

import (
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// GetMany renders what the reads of many keys have in common, or returns an [*ctx.InvalidError]. It takes WithRev,
// WithSerializable and WithKeysOnly.
func GetMany(c ctx.Ctx) (*pb.RangeRequest, error) {
	r := open(&c)
	if err := check(r, "a get of many keys", sealed.OptRev|sealed.OptSerializable|sealed.OptKeysOnly); err != nil {
		return nil, err
	}
	return &pb.RangeRequest{
		Revision: r.Rev, Serializable: r.Has(sealed.OptSerializable), KeysOnly: r.Has(sealed.OptKeysOnly),
	}, nil
}

// PutMany renders what the puts of many pairs have in common, or returns an [*ctx.InvalidError]. It takes WithLease.
func PutMany(c ctx.Ctx) (*pb.PutRequest, error) {
	r := open(&c)
	if err := check(r, "a put of many pairs", sealed.OptLease); err != nil {
		return nil, err
	}
	return &pb.PutRequest{Lease: r.Lease}, nil
}

// Pair is a key and its value.
type Pair struct{ Key, Value string }

// Gets makes a transaction that reads each key as like says.
func Gets(like *pb.RangeRequest, keys []string) *pb.TxnRequest {
	n := 0
	for _, key := range keys {
		n += len(key)
	}
	memory := make(memory, 0, n)
	requests := make([]pb.RangeRequest, len(keys))
	kinds := make([]pb.RequestOp_RequestRange, len(keys))
	for i, key := range keys {
		request := &requests[i]
		request.Key = memory.bytes(key)
		request.Revision, request.Serializable, request.KeysOnly = like.GetRevision(), like.GetSerializable(), like.GetKeysOnly()
		kinds[i].RequestRange = request
	}
	operations, list := operations(len(keys))
	for i := range kinds {
		operations[i].Request = &kinds[i]
	}
	return &pb.TxnRequest{Success: list}
}

// Puts makes a transaction that puts each pair as like says.
func Puts(like *pb.PutRequest, pairs []Pair) *pb.TxnRequest {
	n := 0
	for _, p := range pairs {
		n += len(p.Key) + len(p.Value)
	}
	memory := make(memory, 0, n)
	requests := make([]pb.PutRequest, len(pairs))
	kinds := make([]pb.RequestOp_RequestPut, len(pairs))
	for i, p := range pairs {
		request := &requests[i]
		request.Key, request.Value, request.Lease = memory.bytes(p.Key), memory.bytes(p.Value), like.GetLease()
		kinds[i].RequestPut = request
	}
	operations, list := operations(len(pairs))
	for i := range kinds {
		operations[i].Request = &kinds[i]
	}
	return &pb.TxnRequest{Success: list}
}

// operations makes n operations in one allocation, and the list of them that a message needs.
func operations(n int) ([]pb.RequestOp, []*pb.RequestOp) {
	all, list := make([]pb.RequestOp, n), make([]*pb.RequestOp, n)
	for i := range all {
		list[i] = &all[i]
	}
	return all, list
}

// memory is one allocation for the bytes of many strings.
type memory []byte

// bytes copies a string. The capacity of the copy ends with it, so an append to it does not reach into the next one.
func (m *memory) bytes(s string) []byte {
	from := len(*m)
	*m = append(*m, s...)
	return (*m)[from:len(*m):len(*m)]
}
