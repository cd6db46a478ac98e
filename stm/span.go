// SPDX-License-Identifier: Apache-2.0

package stm

import (
	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// span is a key, or the first keys of a range.
type span struct {
	key   string
	end   string // "" for a key alone, noEnd for all keys after it, as in etcd's requests
	limit int64  // 0: all
}

const noEnd = "\x00"

func spansOf(keys []string) []span {
	var spans []span
	given := map[string]bool{}
	for _, key := range keys {
		if !given[key] {
			given[key] = true
			spans = append(spans, span{key: key})
		}
	}
	return spans
}

func (s span) contains(key string) bool {
	switch s.end {
	case "":
		return key == s.key
	case noEnd:
		return key >= s.key
	default:
		return key >= s.key && key < s.end
	}
}

// get is the request for the newest state of the span.
func (s span) get() ctx.Ctx {
	c := ctx.Key(s.key)
	if s.end != "" {
		c = c.WithRangeEnd(s.end)
	}
	if s.limit > 0 {
		c = c.WithLimit(s.limit)
	}
	return c
}

// unchangedSince holds if no key has been put in the span after a revision.
func (s span) unchangedSince(rev int64) compare.Compare {
	return compare.New(s.key).WithRangeEnd(s.end).ModRevision(compare.Less, rev+1)
}

// reading is what a span held at a revision.
type reading struct {
	span  // as far as it was read: up to its last pair, where there are more
	rev   int64
	pairs []*mvccpb.KeyValue
}

func readingOf(s span, r *pb.RangeResponse, rev int64) *reading {
	pairs := r.GetKvs()
	if n := len(pairs); n > 0 && r.GetMore() {
		s.end = string(pairs[n-1].GetKey()) + "\x00" // the smallest key after that
	}
	return &reading{span: s, rev: rev, pairs: pairs}
}
