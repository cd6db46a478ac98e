// SPDX-License-Identifier: Apache-2.0

package ctx

import "github.com/eetcd-go/eetcd/internal/sealed"

// WithLimit sets the maximum number of keys that a get returns. The response says whether there are more. The default 0
// is no limit. A negative limit is refused with [ErrInvalid].
func (c Ctx) WithLimit(n int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptLimit
	r.Limit = n
	return c
}

// WithRev makes a get read the keys as they were at revision rev. For a compaction it is the revision up to which
// history is dropped, and has no default. For a get, the default 0 is the newest revision. A negative revision is
// refused with [ErrInvalid]. The server refuses a revision that is compacted (etcderr.ErrCompacted) or in the future
// (etcderr.ErrFutureRev).
func (c Ctx) WithRev(rev int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptRev
	r.Rev = rev
	return c
}

// WithSerializable lets a single member answer a get or a member list from its own data. That is faster and works
// without a majority, but the answer may be old. The default is linearizable. etcd's gRPC proxy remembers answers, and gives one
// of them to a serializable get until the key is written through the same proxy. So that answer may be of any age.
func (c Ctx) WithSerializable() Ctx {
	c.open().Given |= sealed.OptSerializable
	return c
}

// WithKeysOnly makes a get return keys without their values.
func (c Ctx) WithKeysOnly() Ctx {
	c.open().Given |= sealed.OptKeysOnly
	return c
}

// WithCountOnly makes a get return the number of keys instead of the keys.
func (c Ctx) WithCountOnly() Ctx {
	c.open().Given |= sealed.OptCountOnly
	return c
}

// WithMinModRev makes a get leave out keys whose last put is at a revision below rev. The default 0 is no bound.
func (c Ctx) WithMinModRev(rev int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptMinModRev
	r.MinModRev = rev
	return c
}

// WithMaxModRev makes a get leave out keys whose last put is at a revision above rev. The default 0 is no bound.
func (c Ctx) WithMaxModRev(rev int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptMaxModRev
	r.MaxModRev = rev
	return c
}

// WithMinCreateRev makes a get leave out keys that were created at a revision below rev. The default 0 is no bound.
func (c Ctx) WithMinCreateRev(rev int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptMinCreateRev
	r.MinCreateRev = rev
	return c
}

// WithMaxCreateRev makes a get leave out keys that were created at a revision above rev. The default 0 is no bound.
func (c Ctx) WithMaxCreateRev(rev int64) Ctx {
	r := c.open()
	r.Given |= sealed.OptMaxCreateRev
	r.MaxCreateRev = rev
	return c
}
