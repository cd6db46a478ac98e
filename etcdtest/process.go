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

// reapTimeout bounds the wait for a process that got SIGKILL.
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
		// Linux sends the parent-death signal when the thread that forked ends, not the process. Holding
		// this one for as long as the child runs makes the two the same.
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

// kill ends the process at once, also when it is paused, and waits until it is gone.
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

// stop asks the process to end, and kills it if it has not done so within grace.
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

// memberEnv is the environment of a member: this process's without what would change etcd's behaviour.
// etcd takes every flag from ETCD_* too, and its peers' traffic goes where the proxy variables say. An old
// etcd must be told that it may run on this processor.
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
