// SPDX-License-Identifier: Apache-2.0

package past

import (
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// Range is a range of keys, as requests have it.
type Range struct{ Key, End string }

// content is what a list of a range had. A range without keys has content too.
type content struct {
	rev    int64 // of the list
	newest int64 // mod revision
	keys   int64
}

const (
	// contentMax is how many keys a range has at most whose content is compared: the server reads all of them.
	contentMax = 1000
	// rangesMax is how many such ranges a connection keeps.
	rangesMax = 1000
)

// Listed notes a complete list of a range in the history of that epoch. newest is the pair with the highest mod revision, nil if
// there is none.
func (p *Past) Listed(epoch int64, header *pb.ResponseHeader, of Range, newest *mvccpb.KeyValue, keys int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.epoch != epoch || !p.noteHeader(header) {
		return
	}
	if newest != nil {
		p.note(newest, false)
	}
	if keys > contentMax {
		delete(p.contents, of)
		return
	}
	if p.contents == nil {
		p.contents = map[Range]content{}
	}
	if _, known := p.contents[of]; !known && len(p.contents) >= rangesMax {
		for any := range p.contents {
			delete(p.contents, any)
			break
		}
	}
	if p.contents[of].rev > header.GetRevision() {
		return // a later list was complete before this one
	}
	p.contents[of] = content{rev: header.GetRevision(), newest: newest.GetModRevision(), keys: int64(keys)}
}

// Quiet is what a watch knows of its range: it has had every event after revision From and up to Rev. The last one was at Seen, 0 if
// there was none.
type Quiet struct {
	Range
	From, Seen, Rev int64
}

// continues reports whether the watch knows everything that has happened since a list had that content.
func (q Quiet) continues(c content) bool { return q.From <= c.rev }

// question asks whether a range has, at a revision, what a list had.
func (c content) question(q Quiet) *pb.RangeRequest {
	return &pb.RangeRequest{
		Key: []byte(q.Key), RangeEnd: []byte(q.End), Revision: max(c.rev, q.Rev), MinModRevision: max(c.newest, q.Seen) + 1,
		Limit: 1, KeysOnly: true,
	}
}

// agrees reports whether an answer shows what the list had, and has happened since. After an event the number of keys is not known.
func (c content) agrees(q Quiet, r *pb.RangeResponse) bool {
	return len(r.GetKvs()) == 0 && (q.Seen > c.rev || r.GetCount() == c.keys)
}
