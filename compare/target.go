// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"strconv"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// Target is the key, or range of keys, of a guard. It is an immutable value like [Compare].
//
// A guard on a range holds if it holds for every key in it. A range without keys counts as one missing key: its
// version, revisions and lease are 0, and a guard on its value fails.
type Target struct {
	key string
	end string
	// open marks extents for which an empty key means the smallest key. Otherwise the server refuses an empty key.
	open bool
}

// New returns the target of one key.
func New(key string) Target {
	return Target{key: key}
}

// WithPrefix extends the target to every key that starts with its key. An empty key stands for all keys. The last
// extent given wins. Ranges in guards need etcd 3.3 or newer.
func (t Target) WithPrefix() Target {
	t.end, t.open = ctx.PrefixEnd(t.key), true
	return t
}

// WithFromKey extends the target to its key and every key after it in byte order. An empty key stands for all keys. The
// last extent given wins.
func (t Target) WithFromKey() Target {
	t.end, t.open = "\x00", true
	return t
}

// WithRangeEnd extends the target to the keys from its key up to, but not including, end in byte order. "\x00" stands
// for no end. The last extent given wins.
func (t Target) WithRangeEnd(end string) Target {
	t.end, t.open = end, false
	return t
}

// Value compares the value, in byte order. For a missing key it fails with every operator, NotEqual included, because
// the wire cannot tell an empty value from none.
func (t Target) Value(op Operator, v string) Compare {
	return Compare{target: t, op: op, what: pb.Compare_VALUE, value: v}
}

// Version compares the number of puts since the key was created. It is 0 for a missing key.
func (t Target) Version(op Operator, n int64) Compare {
	return Compare{target: t, op: op, what: pb.Compare_VERSION, n: n}
}

// ModRevision compares the revision of the last put. It is 0 for a missing key.
func (t Target) ModRevision(op Operator, n int64) Compare {
	return Compare{target: t, op: op, what: pb.Compare_MOD, n: n}
}

// CreateRevision compares the revision at which the key was created. It is 0 for a missing key.
func (t Target) CreateRevision(op Operator, n int64) Compare {
	return Compare{target: t, op: op, what: pb.Compare_CREATE, n: n}
}

// Lease compares the ID of the key's lease. It is 0 for a key without a lease and for a missing key.
func (t Target) Lease(op Operator, n int64) Compare {
	return Compare{target: t, op: op, what: pb.Compare_LEASE, n: n}
}

// String describes the target for logs: the key, or the range as a half-open interval, quoted.
func (t Target) String() string {
	key, end := t.interval()
	if end == "" {
		return strconv.Quote(key)
	}
	return "[" + strconv.Quote(key) + ", " + strconv.Quote(end) + ")"
}

func (t Target) interval() (key, end string) {
	if t.key == "" && t.open {
		return "\x00", t.end
	}
	return t.key, t.end
}
