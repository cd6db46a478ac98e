// SPDX-License-Identifier: Apache-2.0

package ctx

import pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"

// WithLimit sets the maximum number of keys that a get returns. The response says whether there are more. The default 0
// is no limit. A negative limit is refused with [ErrInvalid].
func (c Ctx) WithLimit(n int64) Ctx {
	c.given |= optLimit
	c.limit = n
	return c
}

// WithRev makes a get read the keys as they were at revision rev. For a compaction it is the revision up to which
// history is dropped, and has no default. For a get, the default 0 is the newest revision. A negative revision is
// refused with [ErrInvalid]. The server refuses a revision that is compacted (etcderr.ErrCompacted) or in the future
// (etcderr.ErrFutureRev).
func (c Ctx) WithRev(rev int64) Ctx {
	c.given |= optRev
	c.rev = rev
	return c
}

// WithSerializable lets a single member answer a get or a member list from its own data. That is faster and works
// without a majority, but the answer may be old. The default is linearizable.
func (c Ctx) WithSerializable() Ctx {
	c.given |= optSerializable
	return c
}

// WithKeysOnly makes a get return keys without their values.
func (c Ctx) WithKeysOnly() Ctx {
	c.given |= optKeysOnly
	return c
}

// WithCountOnly makes a get return the number of keys instead of the keys.
func (c Ctx) WithCountOnly() Ctx {
	c.given |= optCountOnly
	return c
}

// WithMinModRev makes a get leave out keys whose last put is at a revision below rev. The default 0 is no bound.
func (c Ctx) WithMinModRev(rev int64) Ctx {
	c.given |= optMinModRev
	c.minModRev = rev
	return c
}

// WithMaxModRev makes a get leave out keys whose last put is at a revision above rev. The default 0 is no bound.
func (c Ctx) WithMaxModRev(rev int64) Ctx {
	c.given |= optMaxModRev
	c.maxModRev = rev
	return c
}

// WithMinCreateRev makes a get leave out keys that were created at a revision below rev. The default 0 is no bound.
func (c Ctx) WithMinCreateRev(rev int64) Ctx {
	c.given |= optMinCreateRev
	c.minCreateRev = rev
	return c
}

// WithMaxCreateRev makes a get leave out keys that were created at a revision above rev. The default 0 is no bound.
func (c Ctx) WithMaxCreateRev(rev int64) Ctx {
	c.given |= optMaxCreateRev
	c.maxCreateRev = rev
	return c
}

// Serializable reports whether [Ctx.WithSerializable] was given.
func (c Ctx) Serializable() bool {
	return c.has(optSerializable)
}

// Limit returns the limit of [Ctx.WithLimit], or 1 after [Ctx.WithTop], or 0.
func (c Ctx) Limit() int64 {
	return c.limit
}

// Rev returns the revision of [Ctx.WithRev], 0 if none was given.
func (c Ctx) Rev() int64 {
	return c.rev
}

// RangeRequest renders the request for /etcdserverpb.KV/Range, or returns an [*InvalidError]. It takes the key and its
// extent, WithLimit, WithRev, WithSort, WithTop and its relatives, WithSerializable, WithKeysOnly, WithCountOnly and
// the four revision bounds. It renders an ascending sort by key as no sort, which is the same order and spares older
// servers a read of the whole range.
func (c Ctx) RangeRequest() (*pb.RangeRequest, error) {
	const allowed = optKey | extents | optLimit | optRev | sorters |
		optSerializable | optKeysOnly | optCountOnly |
		optMinModRev | optMaxModRev | optMinCreateRev | optMaxCreateRev
	if err := c.check("a get request", allowed); err != nil {
		return nil, err
	}
	key, end := c.interval()
	target, order := c.sort()
	return &pb.RangeRequest{
		Key:               key,
		RangeEnd:          end,
		Limit:             c.limit,
		Revision:          c.rev,
		SortTarget:        target,
		SortOrder:         order,
		Serializable:      c.has(optSerializable),
		KeysOnly:          c.has(optKeysOnly),
		CountOnly:         c.has(optCountOnly),
		MinModRevision:    c.minModRev,
		MaxModRevision:    c.maxModRev,
		MinCreateRevision: c.minCreateRev,
		MaxCreateRevision: c.maxCreateRev,
	}, nil
}
