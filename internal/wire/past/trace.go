// SPDX-License-Identifier: Apache-2.0

package past

import (
	"hash/maphash"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// trace is a put or a deletion of a key.
type trace struct {
	key                  []byte
	deleted              bool
	create, mod, version int64
	value                uint64 // hash of the value
	valued               bool   // the value is known, and small enough to be read again
}

// valueMax is the largest value that a comparison reads again.
const valueMax = 16 << 10

var seed = maphash.MakeSeed()

// set makes t the trace of a pair, with a key of its own. Lists without values have empty ones, so an empty value counts as
// not known.
func (t *trace) set(pair *mvccpb.KeyValue, deleted bool) {
	*t = trace{
		key: append(t.key[:0], pair.GetKey()...), deleted: deleted,
		create: pair.GetCreateRevision(), mod: pair.GetModRevision(), version: pair.GetVersion(),
	}
	if n := len(pair.GetValue()); !deleted && n > 0 && n <= valueMax {
		t.value, t.valued = maphash.Bytes(seed, pair.GetValue()), true
	}
}

// is reports whether a read of the key, at the revision of t, shows the same. One writer of one key may repeat after a restore what
// it did before, and only the values differ then.
func (t *trace) is(kvs []*mvccpb.KeyValue) bool {
	if t.deleted || len(kvs) != 1 {
		return t.deleted && len(kvs) == 0
	}
	now := kvs[0]
	return now.GetModRevision() == t.mod && now.GetCreateRevision() == t.create && now.GetVersion() == t.version &&
		(!t.valued || maphash.Bytes(seed, now.GetValue()) == t.value)
}
