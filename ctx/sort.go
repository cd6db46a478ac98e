// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"strconv"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// SortTarget is the property by which a get sorts its results. Values other than the constants are refused with
// [ErrInvalid] when the request is sent.
type SortTarget int32

// The sort targets.
const (
	ByKey     SortTarget = iota // the key, in byte order
	ByVersion                   // the number of puts since the key was created
	ByCreate                    // the revision at which the key was created
	ByMod                       // the revision of the last put
	ByValue                     // the value, in byte order
)

// SortOrder is the direction of a sort. Values other than the constants are refused with
// [ErrInvalid] when the request is sent.
type SortOrder int32

// The sort orders.
const (
	None    SortOrder = iota // the server's: ascending
	Ascend                   // lowest first
	Descend                  // highest first
)

var sortTargets = [...]struct {
	wire pb.RangeRequest_SortTarget
	name string
}{
	ByKey:     {pb.RangeRequest_KEY, "key"},
	ByVersion: {pb.RangeRequest_VERSION, "version"},
	ByCreate:  {pb.RangeRequest_CREATE, "create"},
	ByMod:     {pb.RangeRequest_MOD, "mod"},
	ByValue:   {pb.RangeRequest_VALUE, "value"},
}

var sortOrders = [...]struct {
	wire pb.RangeRequest_SortOrder
	name string
}{
	None:    {pb.RangeRequest_NONE, "none"},
	Ascend:  {pb.RangeRequest_ASCEND, "ascend"},
	Descend: {pb.RangeRequest_DESCEND, "descend"},
}

func (t SortTarget) valid() bool { return uint32(t) < uint32(len(sortTargets)) }

func (o SortOrder) valid() bool { return uint32(o) < uint32(len(sortOrders)) }

// String returns the name of the target in lower case, such as "mod" for ByMod, and a number for an unknown target.
func (t SortTarget) String() string {
	if !t.valid() {
		return strconv.Itoa(int(t))
	}
	return sortTargets[t].name
}

// String returns the name of the order in lower case, such as "descend" for Descend, and a number for an unknown order.
func (o SortOrder) String() string {
	if !o.valid() {
		return strconv.Itoa(int(o))
	}
	return sortOrders[o].name
}

const (
	// tops are the methods that set extent, sort and limit together. Each is a separate option, so that an error names
	// the method that was called.
	tops = optTop | optFirstKey | optLastKey | optFirstRev | optLastRev | optFirstCreate | optLastCreate

	sorters = optSort | tops
)

// WithSort sorts the results of a get before the limit is applied. For any sort but the ascending key the server reads
// the whole range, however small the limit.
func (c Ctx) WithSort(target SortTarget, order SortOrder) Ctx {
	c.given |= optSort
	c.target, c.order = target, order
	return c
}

// WithTop makes a get return the first key, in the given order, of those that start with the request's key. It combines
// [Ctx.WithPrefix], [Ctx.WithSort] and WithLimit(1), and a later call of one of these replaces its part.
func (c Ctx) WithTop(target SortTarget, order SortOrder) Ctx {
	return c.withTop(optTop, target, order)
}

// WithFirstKey makes a get return the first key in byte order of those that start with the
// request's key: WithTop(ByKey, Ascend).
func (c Ctx) WithFirstKey() Ctx { return c.withTop(optFirstKey, ByKey, Ascend) }

// WithLastKey makes a get return the last key in byte order of those that start with the request's
// key: WithTop(ByKey, Descend).
func (c Ctx) WithLastKey() Ctx { return c.withTop(optLastKey, ByKey, Descend) }

// WithFirstRev makes a get return the key whose last put is the oldest of those that start with the
// request's key: WithTop(ByMod, Ascend).
func (c Ctx) WithFirstRev() Ctx { return c.withTop(optFirstRev, ByMod, Ascend) }

// WithLastRev makes a get return the key that was put last of those that start with the request's
// key: WithTop(ByMod, Descend).
func (c Ctx) WithLastRev() Ctx { return c.withTop(optLastRev, ByMod, Descend) }

// WithFirstCreate makes a get return the key that was created first of those that start with the
// request's key: WithTop(ByCreate, Ascend).
func (c Ctx) WithFirstCreate() Ctx { return c.withTop(optFirstCreate, ByCreate, Ascend) }

// WithLastCreate makes a get return the key that was created last of those that start with the
// request's key: WithTop(ByCreate, Descend).
func (c Ctx) WithLastCreate() Ctx { return c.withTop(optLastCreate, ByCreate, Descend) }

func (c Ctx) withTop(top Options, target SortTarget, order SortOrder) Ctx {
	c = c.withExtent(0, "")
	c.given = c.given&^tops | top
	c.target, c.order = target, order
	c.limit = 1
	return c
}

// sort returns target and order for the wire. Ascending key order is the server's default. Servers up to 3.6 read the
// whole range before they apply the limit if it is asked for.
func (c *Ctx) sort() (pb.RangeRequest_SortTarget, pb.RangeRequest_SortOrder) {
	if c.target == ByKey && c.order == Ascend {
		return pb.RangeRequest_KEY, pb.RangeRequest_NONE
	}
	return sortTargets[c.target].wire, sortOrders[c.order].wire
}

// sorterName names the method, or methods, that chose the sort, or returns "" for none.
func sorterName(given Options) string {
	var name string
	for _, m := range methods {
		if m.option&given&sorters == 0 {
			continue
		}
		if name != "" {
			name += " or "
		}
		name += m.name
	}
	return name
}
