// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"bytes"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// WithStartRevision makes a watch begin with the events of revision rev, including rev. The default 0 is the first
// event after the creation of the watch. To continue after a get without a gap, use the revision of its response plus
// one.
func (c Ctx) WithStartRevision(rev int64) Ctx {
	c.given |= optStartRevision
	c.startRev = rev
	return c
}

// WithWatchID sets the ID that the SDK's watch reports. The default 0 lets the SDK choose one.
func (c Ctx) WithWatchID(id int64) Ctx {
	c.given |= optWatchID
	c.watchID = id
	return c
}

// WithFragment delivers the parts of a response that the server split because of its size. By default they are put
// together again.
func (c Ctx) WithFragment() Ctx {
	c.given |= optFragment
	return c
}

// WithProgressNotify makes the server report the progress of an idle watch by a response without events, every 10
// minutes in the default configuration of etcd.
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

// WatchCreateRequest renders the request that creates a watch on a stream of /etcdserverpb.Watch/Watch, or returns an
// [*InvalidError]. It takes the key, WithPrefix, WithFromKey, WithRangeEnd, WithPrevKV, WithStartRevision, WithWatchID,
// WithFragment, WithProgressNotify, WithFilterPut and WithFilterDelete. It refuses a range without keys, as every
// server does.
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
