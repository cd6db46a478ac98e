// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package etcdtest

import "syscall"

// dieWithParent can do nothing here. Only Close, or a signal to the whole process group, ends the members.
func dieWithParent() *syscall.SysProcAttr { return nil }
