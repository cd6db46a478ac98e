// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// reapTimeout limits the wait for a process after SIGKILL.
const reapTimeout = 10 * time.Second

// process is one run of a server. Its methods may be called at any time, also after its end.
type process struct {
	os   *os.Process
	done chan struct{} // closed once the process has ended and is reaped
	exit string        // how it ended; set before done is closed
}

// startProcess runs a command with its output appended to the file logPath.
func startProcess(c command, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	cmd := exec.Command(c.binary, c.args...)
	cmd.Env = c.env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()

	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that forked ends, not the process. So this thread is kept
		// as long as the child runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.os = cmd.Process
		started <- nil
		_ = cmd.Wait()
		p.exit = cmd.ProcessState.String()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends the process at once, even if it is paused, and waits until it is gone.
func (p *process) kill() error {
	if err := p.os.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(reapTimeout):
		return fmt.Errorf("process %d is still there %v after being killed", p.os.Pid, reapTimeout)
	}
}

// stop asks the process to end, and kills it after grace.
func (p *process) stop(grace time.Duration) error {
	if err := p.terminate(); err != nil {
		return p.kill()
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(grace):
		return p.kill()
	}
}

// memberEnv returns the environment of a member: this process's without the variables that change etcd. etcd reads
// every flag from ETCD_* too, and the proxy variables redirect its peers' traffic. An old etcd needs a variable to run
// on this processor.
func memberEnv() []string {
	env := []string{"ETCD_UNSUPPORTED_ARCH=" + runtime.GOARCH}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "ETCD_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			continue
		}
		env = append(env, kv)
	}
	return env
}
