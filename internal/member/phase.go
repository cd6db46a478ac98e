// SPDX-License-Identifier: Apache-2.0

package member

// phase is the state of an endpoint:
//
//	phase      event                                                   next
//	frozen     an attempt to connect succeeds                          active
//	active     the transport is retired or breaks                      returning
//	active     a check fails, or a call gets "no leader"               frozen
//	returning  the redial, which comes at once, succeeds               active
//	returning  the redial fails                                        frozen
//	any        the endpoint leaves the connection                      retired
//
// Info shows a returning endpoint as Active, because most redials succeed at once.
type phase uint8

const (
	frozen phase = iota
	active
	returning
	retired
)

// serves reports whether Info shows the endpoint as Active.
func (p phase) serves() bool { return p == active || p == returning }
