// SPDX-License-Identifier: Apache-2.0

package ctx

import (
	"strconv"

	"github.com/eetcd-go/eetcd/internal/sealed"
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

var targetNames = [...]string{
	ByKey:     "key",
	ByVersion: "version",
	ByCreate:  "create",
	ByMod:     "mod",
	ByValue:   "value",
}

var orderNames = [...]string{
	None:    "none",
	Ascend:  "ascend",
	Descend: "descend",
}

// String returns the name of the target in lower case, such as "mod" for ByMod, and a number for an unknown target.
func (t SortTarget) String() string {
	if uint32(t) >= uint32(len(targetNames)) {
		return strconv.Itoa(int(t))
	}
	return targetNames[t]
}

// String returns the name of the order in lower case, such as "descend" for Descend, and a number for an unknown order.
func (o SortOrder) String() string {
	if uint32(o) >= uint32(len(orderNames)) {
		return strconv.Itoa(int(o))
	}
	return orderNames[o]
}

// WithSort sorts the results of a get before the limit is applied. For any sort but the ascending key the server reads
// the whole range, however small the limit.
func (c Ctx) WithSort(target SortTarget, order SortOrder) Ctx {
	r := c.open()
	r.Given |= sealed.OptSort
	r.Target, r.Order = int32(target), int32(order)
	return c
}

// WithTop makes a get return the first key, in the given order, of those that start with the request's key. It combines
// [Ctx.WithPrefix], [Ctx.WithSort] and WithLimit(1), and a later call of one of these replaces its part.
func (c Ctx) WithTop(target SortTarget, order SortOrder) Ctx {
	return c.withTop(sealed.OptTop, target, order)
}

// WithFirstKey makes a get return the first key in byte order of those that start with the
// request's key: WithTop(ByKey, Ascend).
func (c Ctx) WithFirstKey() Ctx { return c.withTop(sealed.OptFirstKey, ByKey, Ascend) }

// WithLastKey makes a get return the last key in byte order of those that start with the request's
// key: WithTop(ByKey, Descend).
func (c Ctx) WithLastKey() Ctx { return c.withTop(sealed.OptLastKey, ByKey, Descend) }

// WithFirstRev makes a get return the key whose last put is the oldest of those that start with the
// request's key: WithTop(ByMod, Ascend).
func (c Ctx) WithFirstRev() Ctx { return c.withTop(sealed.OptFirstRev, ByMod, Ascend) }

// WithLastRev makes a get return the key that was put last of those that start with the request's
// key: WithTop(ByMod, Descend).
func (c Ctx) WithLastRev() Ctx { return c.withTop(sealed.OptLastRev, ByMod, Descend) }

// WithFirstCreate makes a get return the key that was created first of those that start with the
// request's key: WithTop(ByCreate, Ascend).
func (c Ctx) WithFirstCreate() Ctx { return c.withTop(sealed.OptFirstCreate, ByCreate, Ascend) }

// WithLastCreate makes a get return the key that was created last of those that start with the
// request's key: WithTop(ByCreate, Descend).
func (c Ctx) WithLastCreate() Ctx { return c.withTop(sealed.OptLastCreate, ByCreate, Descend) }

func (c Ctx) withTop(top sealed.Options, target SortTarget, order SortOrder) Ctx {
	r := c.open()
	c = c.withExtent(0, "")
	r.Given = r.Given&^sealed.Tops | top
	r.Target, r.Order = int32(target), int32(order)
	r.Limit = 1
	return c
}
