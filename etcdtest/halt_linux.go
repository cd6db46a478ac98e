// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// haltTimeout limits the wait for a process after SIGSTOP.
const haltTimeout = 5 * time.Second

// awaitHalt returns when no thread of the process runs. The signal takes effect when one thread sees it. Until then the
// others go on, on a busy machine long enough to answer a call.
func (p *process) awaitHalt() error {
	deadline := time.Now().Add(haltTimeout)
	for !p.halted() {
		if p.ended() {
			return os.ErrProcessDone
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d runs on %v after SIGSTOP", p.os.Pid, haltTimeout)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

func (p *process) halted() bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.os.Pid))
	if err != nil || len(threads) == 0 {
		return false
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			continue // the thread is gone
		}
		// The state follows the command's name, which may contain parentheses.
		if state := stat[bytes.LastIndexByte(stat, ')')+1:]; !bytes.HasPrefix(state, []byte(" T")) {
			return false
		}
	}
	return true
}
