// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
)

// Kind says beside which other claims a claim may be held. The value of a key tells the kind of its claim. The turn of a claim
// depends on the older keys that are left in the queue, and on nothing that is younger:
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

// Permits returns the kind of claims that have their turn behind up to n-1 older ones. Claims with different numbers are of one
// kind. A younger claim with a greater number does not mind that an older one beside it has a smaller one.
func Permits(n int) Kind { return Kind{family: permits, permits: n} }

// Possible reports whether a claim of the kind can ever have a turn.
func (k Kind) Possible() bool { return k.family != permits || k.permits >= 1 }

// of names a claim of the kind on something, such as a lock.
func (k Kind) of(what string) string {
	switch k.family {
	case shared:
		return "shared " + what
	case permits:
		return "semaphore of " + strconv.Itoa(k.permits)
	default:
		return what
	}
}

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

// seeing edits a request for older keys. The answer has what blockers needs, youngest first. extra is how many keys of the answer
// blockers does not get.
func (k Kind) seeing(older ctx.Ctx, extra int64) ctx.Ctx {
	older = older.WithSort(kv.ByCreate, kv.Descend)
	switch k.family {
	case exclusive:
		return older.WithKeysOnly().WithLimit(1 + extra)
	case permits:
		return older.WithLimit(min(int64(k.permits), math.MaxInt64-extra) + extra)
	default:
		return older // no server selects by value
	}
}

// blockers returns which of the older keys, youngest first, to wait for: until one of them is gone. It returns none if the turn has
// come. Older keys can only go, so no other key can come in between.
//
// Of the keys that have to go, it chooses those that probably go last. So a place seldom waits twice. A key of the same kind that
// is younger than one of another kind waits for that one, so it goes later unless its caller gives up.
func (k Kind) blockers(older []*mvccpb.KeyValue) (ahead []string) {
	other := slices.IndexFunc(older, func(pair *mvccpb.KeyValue) bool {
		return k.family == exclusive || familyOf(string(pair.GetValue())) != k.family
	})
	mates := older
	if other >= 0 {
		mates = older[:other]
	}
	switch {
	case k.family == permits && len(mates) >= k.permits:
		for _, pair := range mates[:k.permits] { // while all of these are left, no permit is
			ahead = append(ahead, string(pair.GetKey()))
		}
		return ahead
	case other >= 0:
		return []string{string(older[other].GetKey())}
	default:
		return nil
	}
}
