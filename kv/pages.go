// SPDX-License-Identifier: Apache-2.0

package kv

import (
	"context"
	"iter"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// All reads every key of a range, in the order of the keys and at one revision, however many there are. It takes what [Get] takes,
// except WithCountOnly and any sort but the ascending key. WithLimit limits the total. The loop ends after the last key, or with an
// error.
//
//	for pair, err := range kv.All(ctx, kv.New("registry").WithKey("jobs/").WithPrefix()) {
//		if err != nil {
//			return err
//		}
//		fmt.Printf("%s = %s\n", pair.GetKey(), pair.GetValue())
//	}
//
// It reads the range in pages of about 1 MiB, so its memory does not depend on the size of the range. A page that fails on one
// member is read on another one, after the last key so far. If the revision is compacted before the last page, the error is
// etcderr.ErrCompacted. The context bounds the whole reading. WithTimeout bounds each page. When neither sets a time, each page
// may take the default time of the connection, 5 s unless conn.WithDefaultTimeout says otherwise. The time that the loop spends
// on a key does not count.
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

// Pages is [All] with a page at a time. The revision of the reading is that of WithRev, or else of the header of the first page. The
// headers of later pages may have higher revisions. Count is the number of keys in the range, on each page. More is true on each
// page but the last one. On the last one it tells whether WithLimit left keys out. A range without keys is one page.
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
