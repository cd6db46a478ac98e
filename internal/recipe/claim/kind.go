// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"slices"
	"strconv"
	"strings"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
)

// Kind says beside which other claims a claim may be held. The value of a key tells the kind of its claim. The turn of a claim
// depends on the older keys that are left in the queue:
//
//	kind       value of the key  its turn comes when
//	Exclusive  anything else     no older key is left
//	Shared     shared            no older key of another kind is left
//	Permits    permits=n         no older key of another kind is left, and fewer than n of its own
//
// A client that does not know kinds waits until no older key is left. So every kind excludes it, and it excludes every kind.
type Kind struct {
	family  family
	permits int
}

type family int

const (
	exclusive family = iota
	shared
	permits
)

// Exclusive claims are held alone.
var Exclusive = Kind{family: exclusive}

// Shared claims are held beside any number of their kind.
var Shared = Kind{family: shared}

// Permits returns the kind of claims that are held by up to n at a time. Claims with different numbers are of one kind, and each
// keeps to its own number.
func Permits(n int) Kind { return Kind{family: permits, permits: n} }

// Possible reports whether a claim of the kind can ever have a turn.
func (k Kind) Possible() bool { return k.family != permits || k.permits >= 1 }

const (
	sharedValue   = "shared"
	permitsPrefix = "permits="
)

// value returns the value of a key of the kind. An exclusive claim has the user's.
func (k Kind) value(given string) string {
	switch k.family {
	case shared:
		return sharedValue
	case permits:
		return permitsPrefix + strconv.Itoa(k.permits)
	default:
		return given
	}
}

// familyOf returns what the value of a key says.
func familyOf(value string) family {
	if value == sharedValue {
		return shared
	}
	if number, ok := strings.CutPrefix(value, permitsPrefix); ok {
		if n, err := strconv.Atoi(number); err == nil && n >= 1 && strconv.Itoa(n) == number {
			return permits
		}
	}
	return exclusive
}

// seeing edits a request for older keys, so that the answer has what blockers needs, youngest first. The answer may have as many
// keys more as own says.
func (k Kind) seeing(older ctx.Ctx, own int64) ctx.Ctx {
	older = older.WithSort(kv.ByCreate, kv.Descend)
	if k.family == exclusive {
		return older.WithKeysOnly().WithLimit(1 + own)
	}
	return older // no server selects by value
}

// blockers returns for which of the older keys, youngest first, to wait: until fewer than room of them are left. It returns none
// if the turn has come. Older keys can only go, so no other key can come in between.
//
// Of what has to go, it chooses what is likely to go last, so that a place seldom waits twice. Keys of its own kind after the
// youngest one of another kind do not go before that one, unless their callers give up.
func (k Kind) blockers(older []*mvccpb.KeyValue) (ahead []string, room int) {
	other := slices.IndexFunc(older, func(pair *mvccpb.KeyValue) bool {
		return k.family == exclusive || familyOf(string(pair.GetValue())) != k.family
	})
	mates := older
	if other >= 0 {
		mates = older[:other]
	}
	switch {
	case k.family == permits && len(mates) >= k.permits:
		for _, pair := range mates {
			ahead = append(ahead, string(pair.GetKey()))
		}
		return ahead, k.permits
	case other >= 0:
		return []string{string(older[other].GetKey())}, 1
	default:
		return nil, 0
	}
}
