// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"bytes"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// WithStartRevision makes a watch begin with the events of revision rev, that one included. Default
// 0: the events after the watch was created. To go on from a get without a gap, start at the revision
// of its response plus one.
func (c Ctx) WithStartRevision(rev int64) Ctx {
	c.given |= optStartRevision
	c.startRev = rev
	return c
}

// WithWatchID picks the ID of a watch. Default 0: the server picks one.
func (c Ctx) WithWatchID(id int64) Ctx {
	c.given |= optWatchID
	c.watchID = id
	return c
}

// WithFragment hands on the parts of a response that the server split because it was too large,
// instead of putting them together again.
func (c Ctx) WithFragment() Ctx {
	c.given |= optFragment
	return c
}

// WithProgressNotify makes the server send a response without events now and then (every 10 minutes
// unless it is configured otherwise) while nothing happens, which tells how far the watch has come.
func (c Ctx) WithProgressNotify() Ctx {
	c.given |= optProgressNotify
	return c
}

// WithFilterPut makes the server leave the puts out of a watch.
func (c Ctx) WithFilterPut() Ctx {
	c.given |= optFilterPut
	return c
}

// WithFilterDelete makes the server leave the deletes out of a watch.
func (c Ctx) WithFilterDelete() Ctx {
	c.given |= optFilterDelete
	return c
}

// WatchCreateRequest renders the request that creates a watch on a stream of /etcdserverpb.Watch/Watch,
// or returns an [*InvalidError]. It takes the key, WithPrefix, WithFromKey, WithRangeEnd, WithPrevKV,
// WithStartRevision, WithWatchID, WithFragment, WithProgressNotify, WithFilterPut and
// WithFilterDelete. A range that no key is in, which every server refuses, is refused.
func (c Ctx) WatchCreateRequest() (*pb.WatchCreateRequest, error) {
	const allowed = optKey | extents | optPrevKV | optStartRevision | optWatchID |
		optFragment | optProgressNotify | optFilterPut | optFilterDelete
	err := c.check("a watch request", allowed)
	key, end := c.interval()
	if len(end) > 0 && string(end) != allKeys && bytes.Compare(key, end) >= 0 {
		err = AlsoInvalid(err, "ctx: WithRangeEnd is not above WithKey in a watch request: no key is in that range")
	}
	if err != nil {
		return nil, err
	}
	var filters []pb.WatchCreateRequest_FilterType
	if c.has(optFilterPut) {
		filters = append(filters, pb.WatchCreateRequest_NOPUT)
	}
	if c.has(optFilterDelete) {
		filters = append(filters, pb.WatchCreateRequest_NODELETE)
	}
	return &pb.WatchCreateRequest{
		Key:            key,
		RangeEnd:       end,
		StartRevision:  c.startRev,
		ProgressNotify: c.has(optProgressNotify),
		Filters:        filters,
		PrevKv:         c.has(optPrevKV),
		WatchId:        c.watchID,
		Fragment:       c.has(optFragment),
	}, nil
}
