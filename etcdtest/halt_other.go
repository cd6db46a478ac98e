// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package etcdtest

// awaitHalt cannot see here whether the process has stopped. It soon will have.
func (p *process) awaitHalt() error { return nil }
