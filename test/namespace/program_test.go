// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// A program is a list of requests, made from bytes. Revisions and leases in it are numbers; see side.
type program struct {
	data []byte
}

// next returns a number below n, and 0 when the bytes are used up.
func (p *program) next(n int) int {
	if len(p.data) == 0 {
		return 0
	}
	b := int(p.data[0])
	p.data = p.data[1:]
	return b % n
}

func (p *program) flag() bool { return p.next(2) == 1 }

func (p *program) over() bool { return len(p.data) == 0 }

// keys are the keys of programs: few, so that requests meet, and with the bytes at the ends of ranges.
var keys = []string{"a", "b", "a\x00", "\x00", "\xff", "\xff\xff", "ab", "x/a", "\x00\x00", "b\xff"}

// ends are those of ranges: of one key, of all keys, and others.
var ends = []string{"", "\x00", "b", "\xff", "\xff\xff", "\x00\x00", "a", "x0", "c"}

func (p *program) key() []byte { return []byte(keys[p.next(len(keys))]) }

func (p *program) end() []byte { return []byte(ends[p.next(len(ends))]) }

// rev is the number of one of the latest writes, or 0.
func (p *program) rev(writes int) int64 {
	if p.next(4) > 0 {
		return 0
	}
	return int64(max(0, writes-p.next(8)))
}

// request returns the next request. writes is the number of writes so far.
func (p *program) request(writes int) *pb.RequestOp {
	if p.next(4) == 0 {
		return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: p.txn(writes, 2)}}
	}
	op := p.simple(writes)
	if p.next(24) == 23 { // without a key: servers refuse it
		switch {
		case op.GetRequestRange() != nil:
			op.GetRequestRange().Key = nil
		case op.GetRequestPut() != nil:
			op.GetRequestPut().Key = nil
		default:
			op.GetRequestDeleteRange().Key = nil
		}
	}
	return op
}

func (p *program) simple(writes int) *pb.RequestOp {
	switch p.next(6) {
	case 0, 1:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: p.get(writes)}}
	case 2:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{
			Key: p.key(), RangeEnd: p.end(), PrevKv: p.flag(),
		}}}
	default:
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: p.put()}}
	}
}

func (p *program) get(writes int) *pb.RangeRequest {
	r := &pb.RangeRequest{Key: p.key(), RangeEnd: p.end(), Revision: p.rev(writes), Limit: int64(p.next(4))}
	if p.flag() {
		r.SortTarget, r.SortOrder = pb.RangeRequest_SortTarget(p.next(5)), pb.RangeRequest_SortOrder(1+p.next(2))
		if r.SortTarget != pb.RangeRequest_KEY {
			r.Limit = 0 // equal ones have no order, so what a limit leaves out is by chance
		}
	}
	switch p.next(6) {
	case 1:
		r.KeysOnly = true
	case 2:
		r.CountOnly = true
	case 3:
		r.Serializable = true
	case 4:
		r.MinModRevision, r.MaxCreateRevision = p.rev(writes), p.rev(writes)
	case 5:
		r.MaxModRevision, r.MinCreateRevision = p.rev(writes), p.rev(writes)
	}
	return r
}

func (p *program) put() *pb.PutRequest {
	r := &pb.PutRequest{Key: p.key(), PrevKv: p.flag()}
	switch p.next(8) {
	case 0:
		r.IgnoreValue = true
	case 1:
		r.Value, r.IgnoreLease = []byte("same lease"), true
	default:
		r.Value, r.Lease = []byte{'v', byte('0' + p.next(10))}, int64(p.next(3))
	}
	return r
}

// txn returns a transaction, with others in it down to depth.
func (p *program) txn(writes, depth int) *pb.TxnRequest {
	t := &pb.TxnRequest{}
	for range p.next(3) {
		t.Compare = append(t.Compare, p.guard(writes))
	}
	t.Success, t.Failure = p.branch(writes, depth), p.branch(writes, depth)
	return t
}

func (p *program) branch(writes, depth int) (ops []*pb.RequestOp) {
	for range p.next(4) {
		if depth > 1 && p.next(4) == 0 {
			ops = append(ops, &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: p.txn(writes, depth-1)}})
			continue
		}
		ops = append(ops, p.simple(writes))
	}
	return ops
}

func (p *program) guard(writes int) *pb.Compare {
	c := &pb.Compare{Result: pb.Compare_CompareResult(p.next(4)), Key: p.key(), RangeEnd: p.end()}
	switch p.next(5) {
	case 0:
		c.Target, c.TargetUnion = pb.Compare_VERSION, &pb.Compare_Version{Version: int64(p.next(3))}
	case 1:
		c.Target, c.TargetUnion = pb.Compare_CREATE, &pb.Compare_CreateRevision{CreateRevision: p.rev(writes)}
	case 2:
		c.Target, c.TargetUnion = pb.Compare_MOD, &pb.Compare_ModRevision{ModRevision: p.rev(writes)}
	case 3:
		c.Target, c.TargetUnion = pb.Compare_LEASE, &pb.Compare_Lease{Lease: int64(p.next(3))}
	default:
		c.Target, c.TargetUnion = pb.Compare_VALUE, &pb.Compare_Value{Value: []byte{'v', byte('0' + p.next(10))}}
	}
	return c
}

// watch returns a watch. Its range has its key.
func (p *program) watch() *pb.WatchCreateRequest {
	w := &pb.WatchCreateRequest{Key: p.key(), RangeEnd: p.end(), PrevKv: p.flag()}
	if end := string(w.RangeEnd); end != "" && end != "\x00" && end <= string(w.Key) {
		w.RangeEnd = []byte("\x00")
	}
	switch p.next(6) {
	case 0:
		w.Filters = []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NOPUT}
	case 1:
		w.Filters = []pb.WatchCreateRequest_FilterType{pb.WatchCreateRequest_NODELETE}
	}
	return w
}
