// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"strconv"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// Target is the key, or range of keys, of a guard. It is an immutable value like [Compare].
//
// A guard on a range holds if it holds for every key in it. A range without keys counts as one missing key: its
// version, revisions and lease are 0, and a guard on its value fails.
type Target sealed.Target

func (t *Target) open() *sealed.Span { return (*sealed.Target)(t).Open() }

// New returns the target of one key.
func New(key string) Target {
	var t Target
	t.open().Key = key
	return t
}

// WithPrefix extends the target to every key that starts with its key. An empty key stands for all keys. The last
// extent given wins. Ranges in guards need etcd 3.3 or newer.
func (t Target) WithPrefix() Target {
	s := t.open()
	s.End, s.Open = ctx.PrefixEnd(s.Key), true
	return t
}

// WithFromKey extends the target to its key and every key after it in byte order. An empty key stands for all keys. The
// last extent given wins.
func (t Target) WithFromKey() Target {
	s := t.open()
	s.End, s.Open = sealed.AllKeys, true
	return t
}

// WithRangeEnd extends the target to the keys from its key up to, but not including, end in byte order. "\x00" stands
// for no end. The last extent given wins.
func (t Target) WithRangeEnd(end string) Target {
	s := t.open()
	s.End, s.Open = end, false
	return t
}

// Value compares the value, in byte order. For a missing key it fails with every operator, NotEqual included, because
// the wire cannot tell an empty value from none.
func (t Target) Value(op Operator, v string) Compare {
	c := t.is(op, sealed.Value, 0)
	c.open().Value = v
	return c
}

// Version compares the number of puts since the key was created. It is 0 for a missing key.
func (t Target) Version(op Operator, n int64) Compare {
	return t.is(op, sealed.Version, n)
}

// ModRevision compares the revision of the last put. It is 0 for a missing key.
func (t Target) ModRevision(op Operator, n int64) Compare {
	return t.is(op, sealed.ModRevision, n)
}

// CreateRevision compares the revision at which the key was created. It is 0 for a missing key.
func (t Target) CreateRevision(op Operator, n int64) Compare {
	return t.is(op, sealed.CreateRevision, n)
}

// Lease compares the ID of the key's lease. It is 0 for a key without a lease and for a missing key.
func (t Target) Lease(op Operator, n int64) Compare {
	return t.is(op, sealed.Lease, n)
}

// String describes the target for logs: the key, or the range as a half-open interval, quoted.
func (t Target) String() string {
	key, end := t.open().Interval()
	if end == "" {
		return strconv.Quote(key)
	}
	return "[" + strconv.Quote(key) + ", " + strconv.Quote(end) + ")"
}

func (t Target) is(op Operator, property sealed.Property, n int64) Compare {
	var c Compare
	*c.open() = sealed.Guard{Target: sealed.Target(t), Operator: string(op), Property: property, Number: n}
	return c
}
