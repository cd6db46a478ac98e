// SPDX-License-Identifier: Apache-2.0

package call

// state is where a flight is:
//
//	state          event                                          next
//	grounded       an attempt begins                              flying
//	flying         it has been silent for its patience            hedged
//	hedged         its link leaves service                        left
//	hedged, left   the hedge has the first answer, or refusal     answered
//	not grounded   the deadline of the call passes                expired, unless answered
//	any            the attempt ends, with an answer or an error   grounded, but left and expired stay and tell why it failed
//	left           the call goes on                               grounded
//
// In left, answered and expired the context of the attempt is cancelled. A caller who ends the call cancels it in any state.
type state uint8

const (
	grounded state = iota // no attempt is under way
	flying
	hedged // the hedge has begun, and may have ended without an answer
	left
	answered
	expired
)
