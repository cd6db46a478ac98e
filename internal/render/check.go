// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// minTimeout is the shortest accepted timeout. A shorter one is too short for any call, and most likely lacks its unit.
const minTimeout = time.Millisecond

// callOptions say how to send a request, not what it asks. So every request takes them.
const callOptions = sealed.OptTimeout | sealed.OptEndpoint

// RangeInOrder is a range of keys in key order: WithKey, WithKeyBytes, WithPrefix, WithFromKey, WithRangeEnd, WithLimit,
// WithFirstKey.
const RangeInOrder = sealed.OptKey | sealed.Extents | sealed.OptLimit | sealed.OptFirstKey

// methods holds the names of the options, in the order of their conflicts in an error.
var methods = [...]struct {
	option sealed.Options
	name   string
}{
	{sealed.OptTimeout, "WithTimeout"},
	{sealed.OptEndpoint, "WithEndpoint"},
	{sealed.OptKey, "WithKey"},
	{sealed.OptPrefix, "WithPrefix"},
	{sealed.OptFromKey, "WithFromKey"},
	{sealed.OptRangeEnd, "WithRangeEnd"},
	{sealed.OptValue, "WithValue"},
	{sealed.OptLease, "WithLease"},
	{sealed.OptIgnoreValue, "WithIgnoreValue"},
	{sealed.OptIgnoreLease, "WithIgnoreLease"},
	{sealed.OptPrevKV, "WithPrevKV"},
	{sealed.OptLimit, "WithLimit"},
	{sealed.OptRev, "WithRev"},
	{sealed.OptSort, "WithSort"},
	{sealed.OptTop, "WithTop"},
	{sealed.OptFirstKey, "WithFirstKey"},
	{sealed.OptLastKey, "WithLastKey"},
	{sealed.OptFirstRev, "WithFirstRev"},
	{sealed.OptLastRev, "WithLastRev"},
	{sealed.OptFirstCreate, "WithFirstCreate"},
	{sealed.OptLastCreate, "WithLastCreate"},
	{sealed.OptSerializable, "WithSerializable"},
	{sealed.OptKeysOnly, "WithKeysOnly"},
	{sealed.OptCountOnly, "WithCountOnly"},
	{sealed.OptMinModRev, "WithMinModRev"},
	{sealed.OptMaxModRev, "WithMaxModRev"},
	{sealed.OptMinCreateRev, "WithMinCreateRev"},
	{sealed.OptMaxCreateRev, "WithMaxCreateRev"},
	{sealed.OptPhysical, "WithPhysical"},
	{sealed.OptStartRevision, "WithStartRevision"},
	{sealed.OptWatchID, "WithWatchID"},
	{sealed.OptFragment, "WithFragment"},
	{sealed.OptProgressNotify, "WithProgressNotify"},
	{sealed.OptFilterPut, "WithFilterPut"},
	{sealed.OptFilterDelete, "WithFilterDelete"},
	{sealed.OptName, "WithName"},
	{sealed.OptLeader, "WithLeader"},
}

// Check reports every option of c that a request does not take, a timeout below 1 ms, and a limit or a revision below
// 0. It is for requests that this package does not render.
//
// request is its name for the error, with an article: "a lease grant request". allowed need not list timeout and
// endpoint, which any request takes. The error is a [*ctx.InvalidError]. For a valid request it is nil, and nothing is
// allocated.
func Check(c ctx.Ctx, request string, allowed sealed.Options) error {
	return check(open(&c), request, allowed)
}

func check(r *sealed.Request, request string, allowed sealed.Options) error {
	allowed |= callOptions
	if r.Given&^allowed == 0 && timeoutValid(r) && targetKnown(r) && orderKnown(r) && !negative(r) {
		return nil
	}
	return refuse(r, request, allowed)
}

// refuse is apart from check, so that valid requests do not pay for it.
func refuse(r *sealed.Request, request string, allowed sealed.Options) error {
	var conflicts []string
	for _, m := range methods {
		if r.Given&^allowed&m.option != 0 {
			conflicts = append(conflicts, "ctx: "+m.name+" does not apply to "+request)
		}
	}
	if !timeoutValid(r) {
		conflicts = append(conflicts, fmt.Sprintf("ctx: WithTimeout(%v) is below %v in %s", r.Timeout, minTimeout, request))
	}
	for _, n := range [...]struct {
		option sealed.Options
		name   string
		value  int64
	}{
		{sealed.OptLimit, "WithLimit", r.Limit},
		{sealed.OptRev, "WithRev", r.Rev},
		{sealed.OptMinModRev, "WithMinModRev", r.MinModRev},
		{sealed.OptMaxModRev, "WithMaxModRev", r.MaxModRev},
		{sealed.OptMinCreateRev, "WithMinCreateRev", r.MinCreateRev},
		{sealed.OptMaxCreateRev, "WithMaxCreateRev", r.MaxCreateRev},
	} {
		if n.value < 0 && r.Has(n.option&allowed) {
			conflicts = append(conflicts, fmt.Sprintf("ctx: %s(%d) is negative in %s", n.name, n.value, request))
		}
	}
	if sorter := sorterName(r.Given & allowed); sorter != "" {
		if !targetKnown(r) {
			conflicts = append(conflicts, fmt.Sprintf("ctx: %s has the unknown sort target %d in %s", sorter, r.Target, request))
		}
		if !orderKnown(r) {
			conflicts = append(conflicts, fmt.Sprintf("ctx: %s has the unknown sort order %d in %s", sorter, r.Order, request))
		}
	}
	return &ctx.InvalidError{Conflicts: conflicts}
}

// negative reports whether a limit or a revision of a get is below 0. Servers would read it as 0, or find nothing.
func negative(r *sealed.Request) bool {
	return r.Limit|r.Rev|r.MinModRev|r.MaxModRev|r.MinCreateRev|r.MaxCreateRev < 0
}

func timeoutValid(r *sealed.Request) bool {
	return !r.Has(sealed.OptTimeout) || r.Timeout >= minTimeout
}

// sorterName names the method, or methods, that chose the sort, or returns "" for none.
func sorterName(given sealed.Options) string {
	var name string
	for _, m := range methods {
		if m.option&given&sealed.Sorters == 0 {
			continue
		}
		if name != "" {
			name += " or "
		}
		name += m.name
	}
	return name
}
