// SPDX-License-Identifier: Apache-2.0

package sealed

// Options is a set of builder methods of ctx.Ctx. It records that a method was called, whatever its argument. The zero
// value of a field could not tell that, and WithLimit(0) on a put is as much a mistake as WithLimit(1).
type Options uint64

// Each option is named after its method: OptKey after WithKey.
const (
	OptTimeout Options = 1 << iota
	OptEndpoint
	OptKey
	OptPrefix
	OptFromKey
	OptRangeEnd
	OptValue
	OptLease
	OptIgnoreValue
	OptIgnoreLease
	OptPrevKV
	OptLimit
	OptRev
	OptSort
	OptTop
	OptFirstKey
	OptLastKey
	OptFirstRev
	OptLastRev
	OptFirstCreate
	OptLastCreate
	OptSerializable
	OptKeysOnly
	OptCountOnly
	OptMinModRev
	OptMaxModRev
	OptMinCreateRev
	OptMaxCreateRev
	OptPhysical
	OptStartRevision
	OptWatchID
	OptFragment
	OptProgressNotify
	OptFilterPut
	OptFilterDelete
	OptName
	OptLeader
	OptBeyond // first bit that is no option
)

const (
	// Extents are the three ways to turn a key into a range. At most one of them is given at a time.
	Extents = OptPrefix | OptFromKey | OptRangeEnd

	// Tops are the methods that set extent, sort and limit together. Each is an option of its own, so that an error names
	// the method that was called.
	Tops = OptTop | OptFirstKey | OptLastKey | OptFirstRev | OptLastRev | OptFirstCreate | OptLastCreate

	// Sorters are the methods that choose an order.
	Sorters = OptSort | Tops
)
