// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"iter"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// All reads every key of a range, in the order of the keys and at one revision, however many there are. It takes the options of
// [Get], except WithCountOnly and every sort other than by ascending key. WithLimit limits the total. The loop ends after the last
// key, or with an error.
//
//	for pair, err := range kv.All(ctx, kv.New("registry").WithKey("jobs/").WithPrefix()) {
//		if err != nil {
//			return err
//		}
//		fmt.Printf("%s = %s\n", pair.GetKey(), pair.GetValue())
//	}
//
// All reads the range in pages of about 1 MiB, so its memory does not depend on the size of the range. If a member dies, All
// continues on another one after the last key so far. If the revision is compacted before the last page, the error is
// etcderr.ErrCompacted.
//
// The context limits the whole reading. WithTimeout limits each page. Without either, the limit of a page is 5 s
// (conn.WithDefaultTimeout). The time that the body of the loop takes does not count for a page.
//
// Nothing is sent before the loop begins, and each loop over the result reads anew. All is safe for concurrent use. It calls
// KV/Range, and KV/RangeStream after the first page where the member has it, as etcd 3.7 does.
func All(parent context.Context, c Request) iter.Seq2[*mvccpb.KeyValue, error] {
	return func(yield func(*mvccpb.KeyValue, error) bool) {
		for page, err := range Pages(parent, c) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, pair := range page.GetKvs() {
				if !yield(pair, nil) {
					return
				}
			}
		}
	}
}

// Pages is [All] a page at a time. The keys are those of the revision of WithRev, or else of the revision in the header of the
// first page. The headers of later pages may have higher revisions. Count is the number of keys in the whole range, on each page. More
// is true on each page except the last. On the last one, More tells whether WithLimit left keys out. A range without keys is one
// page.
func Pages(parent context.Context, c Request) iter.Seq2[*pb.RangeResponse, error] {
	return func(yield func(*pb.RangeResponse, error) bool) {
		r, err := newReading(parent, c)
		if err != nil {
			yield(nil, err)
			return
		}
		for !r.done {
			page, err := r.page()
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) {
				return
			}
			if !r.stream(func(page *pb.RangeResponse) bool { return yield(page, nil) }) {
				return
			}
		}
	}
}
