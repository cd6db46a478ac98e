// SPDX-License-Identifier: Apache-2.0

package etcdtest

import "syscall"

// dieWithParent has the kernel kill the child when the thread that started it is gone.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
