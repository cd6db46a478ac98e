// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package etcdtest

// awaitHalt has no way here to see whether the process has taken note of the signal; it soon will.
func (p *process) awaitHalt() error { return nil }
