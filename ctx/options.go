// SPDX-License-Identifier: Apache-2.0

package ctx

import "fmt"

// Options is a set of builder methods. Service packages pass one to [Ctx.Check], and users of the SDK do not need it.
//
// A set records that a method was called, whatever its argument. The zero value of a field could not tell that, and
// WithLimit(0) on a put is as much a mistake as WithLimit(1).
type Options uint64

const (
	optTimeout Options = 1 << iota
	optEndpoint
	optKey
	optPrefix
	optFromKey
	optRangeEnd
	optValue
	optLease
	optIgnoreValue
	optIgnoreLease
	optPrevKV
	optLimit
	optRev
	optSort
	optTop
	optFirstKey
	optLastKey
	optFirstRev
	optLastRev
	optFirstCreate
	optLastCreate
	optSerializable
	optKeysOnly
	optCountOnly
	optMinModRev
	optMaxModRev
	optMinCreateRev
	optMaxCreateRev
	optPhysical
	optStartRevision
	optWatchID
	optFragment
	optProgressNotify
	optFilterPut
	optFilterDelete
	optName
	optLeader
	optBeyond // first bit that is no option
)

// Options for calls without a rendering method of their own.
const (
	OptKey          = optKey          // WithKey, WithKeyBytes, WithSubKey: the key of a store of package typed
	OptRev          = optRev          // WithRev: a store of package typed as it was
	OptLease        = optLease        // WithLease: the ID for lease.Grant
	OptSerializable = optSerializable // WithSerializable: a member list from one member
	OptName         = optName         // WithName: lock.Do, election.Run
	OptValue        = optValue        // WithValue, WithValueBytes: election.Run

	// OptRange is a range of keys in key order, for Tx.Range of package stm: WithKey, WithKeyBytes, WithPrefix,
	// WithFromKey, WithRangeEnd, WithLimit, WithFirstKey.
	OptRange = optKey | extents | optLimit | optFirstKey
)

// methods holds the names of the options, in the order of their conflicts in an error.
var methods = [...]struct {
	option Options
	name   string
}{
	{optTimeout, "WithTimeout"},
	{optEndpoint, "WithEndpoint"},
	{optKey, "WithKey"},
	{optPrefix, "WithPrefix"},
	{optFromKey, "WithFromKey"},
	{optRangeEnd, "WithRangeEnd"},
	{optValue, "WithValue"},
	{optLease, "WithLease"},
	{optIgnoreValue, "WithIgnoreValue"},
	{optIgnoreLease, "WithIgnoreLease"},
	{optPrevKV, "WithPrevKV"},
	{optLimit, "WithLimit"},
	{optRev, "WithRev"},
	{optSort, "WithSort"},
	{optTop, "WithTop"},
	{optFirstKey, "WithFirstKey"},
	{optLastKey, "WithLastKey"},
	{optFirstRev, "WithFirstRev"},
	{optLastRev, "WithLastRev"},
	{optFirstCreate, "WithFirstCreate"},
	{optLastCreate, "WithLastCreate"},
	{optSerializable, "WithSerializable"},
	{optKeysOnly, "WithKeysOnly"},
	{optCountOnly, "WithCountOnly"},
	{optMinModRev, "WithMinModRev"},
	{optMaxModRev, "WithMaxModRev"},
	{optMinCreateRev, "WithMinCreateRev"},
	{optMaxCreateRev, "WithMaxCreateRev"},
	{optPhysical, "WithPhysical"},
	{optStartRevision, "WithStartRevision"},
	{optWatchID, "WithWatchID"},
	{optFragment, "WithFragment"},
	{optProgressNotify, "WithProgressNotify"},
	{optFilterPut, "WithFilterPut"},
	{optFilterDelete, "WithFilterDelete"},
	{optName, "WithName"},
	{optLeader, "WithLeader"},
}

// Check reports every option of c that a request does not take, a timeout below 1 ms, and a limit or a revision below
// 0. Service packages call it for requests without a rendering method, and users of the SDK do not need it.
//
// request is its name for the error, with an article: "a lease grant request". allowed need not list timeout and
// endpoint, which any request takes. The error is an [*InvalidError]. For a valid request it is nil, and nothing is
// allocated.
func (c Ctx) Check(request string, allowed Options) error {
	return c.check(request, allowed)
}

func (c *Ctx) check(request string, allowed Options) error {
	allowed |= callOptions
	if c.given&^allowed == 0 && c.timeoutValid() && c.target.valid() && c.order.valid() && !c.negative() {
		return nil
	}
	return c.refuse(request, allowed)
}

// refuse is apart from check, so that valid requests do not pay for it.
func (c *Ctx) refuse(request string, allowed Options) error {
	var conflicts []string
	for _, m := range methods {
		if c.given&^allowed&m.option != 0 {
			conflicts = append(conflicts, "ctx: "+m.name+" does not apply to "+request)
		}
	}
	if !c.timeoutValid() {
		conflicts = append(conflicts, fmt.Sprintf("ctx: WithTimeout(%v) is below %v in %s", c.timeout, minTimeout, request))
	}
	for _, n := range [...]struct {
		option Options
		name   string
		value  int64
	}{
		{optLimit, "WithLimit", c.limit},
		{optRev, "WithRev", c.rev},
		{optMinModRev, "WithMinModRev", c.minModRev},
		{optMaxModRev, "WithMaxModRev", c.maxModRev},
		{optMinCreateRev, "WithMinCreateRev", c.minCreateRev},
		{optMaxCreateRev, "WithMaxCreateRev", c.maxCreateRev},
	} {
		if n.value < 0 && c.has(n.option&allowed) {
			conflicts = append(conflicts, fmt.Sprintf("ctx: %s(%d) is negative in %s", n.name, n.value, request))
		}
	}
	if sorter := sorterName(c.given & allowed); sorter != "" {
		if !c.target.valid() {
			conflicts = append(conflicts, fmt.Sprintf("ctx: %s has the unknown sort target %d in %s", sorter, c.target, request))
		}
		if !c.order.valid() {
			conflicts = append(conflicts, fmt.Sprintf("ctx: %s has the unknown sort order %d in %s", sorter, c.order, request))
		}
	}
	return &InvalidError{Conflicts: conflicts}
}

// has reports whether any of options was given.
func (c *Ctx) has(options Options) bool {
	return c.given&options != 0
}

// negative reports whether a limit or a revision of a get is below 0. Servers would read it as 0, or find nothing.
func (c *Ctx) negative() bool {
	return c.limit|c.rev|c.minModRev|c.maxModRev|c.minCreateRev|c.maxCreateRev < 0
}

func (c *Ctx) timeoutValid() bool {
	return !c.has(optTimeout) || c.timeout >= minTimeout
}
