// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// stopGrace is how long a server has to end by itself. A member needs a second to hand over its leadership, and gives
// calls under way six more.
const stopGrace = 10 * time.Second

// server is a program that starts, ends and starts again with one log: a [Member], a [GRPCProxy].
type server struct {
	name    string // in errors and logs
	logPath string
	command func() command // what the next start runs; called with mu held
	fail    func(error)    // told of what goes wrong in a method

	turn   sync.Mutex // one change of the process at a time
	mu     sync.Mutex
	proc   *process // nil before the first start
	paused bool
	closed bool
	last   string // the log, once the server is closed
}

// command is a program with its arguments.
type command struct {
	binary    string
	args, env []string
}

// Name returns the server's name in logs. For a member it is also the name in the member list: m0, m1 and so on.
func (s *server) Name() string { return s.name }

// Alive reports whether the process runs. A paused process counts as running.
func (s *server) Alive() bool { return s.running() != nil }

// Kill ends the process with SIGKILL, as a crash would, and returns when it is gone. Its data stays for a restart. It
// does nothing on a server that does not run.
func (s *server) Kill() {
	s.change("Kill", func(p *process) error { return p.kill() })
}

// Stop ends the process with SIGTERM and returns when it is gone. A leader hands its leadership over first. After 10 s
// the process is killed. A paused server is resumed first. It does nothing on a server that does not run.
func (s *server) Stop() {
	s.change("Stop", s.stop)
}

// Pause stops the process with SIGSTOP and returns when it stands still. Its connections stay open, and the kernel
// accepts new ones, but nothing is answered until Resume. It is a failure if the server does not run.
func (s *server) Pause() {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.failed("Pause", s.pause())
}

// pause needs the turn.
func (s *server) pause() error {
	p := s.running()
	if p == nil {
		return errors.New("not running")
	}
	if err := p.pause(); err != nil {
		return err
	}
	s.setPaused(true)
	return p.awaitHalt()
}

// Resume undoes Pause. It does nothing on a server that is not paused.
func (s *server) Resume() {
	s.change("Resume", s.resume)
}

func (s *server) resume(p *process) error {
	err := p.resume()
	if err == nil {
		s.setPaused(false)
	}
	return err
}

// relaunch stops the process if it runs, and starts it. It needs the turn.
func (s *server) relaunch() error {
	if p := s.running(); p != nil {
		if err := s.stop(p); err != nil {
			return err
		}
	}
	return s.launch()
}

func (s *server) stop(p *process) error {
	_ = p.resume()
	return p.stop(stopGrace)
}

// change applies f to the process, if there is one, in turn with other changes.
func (s *server) change(method string, f func(*process) error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if p := s.running(); p != nil {
		s.failed(method, f(p))
	}
}

func (s *server) failed(method string, err error) {
	if err != nil {
		s.fail(fmt.Errorf("%s of %s: %w", method, s.name, err))
	}
}

// running returns the process, or nil if it has ended.
func (s *server) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil || s.proc.ended() {
		return nil
	}
	return s.proc
}

// answering reports whether the process runs and is not paused.
func (s *server) answering() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc != nil && !s.proc.ended() && !s.paused
}

func (s *server) setPaused(paused bool) {
	s.mu.Lock()
	s.paused = paused
	s.mu.Unlock()
}

// launch starts the process. The caller has made sure that none runs.
func (s *server) launch() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	p, err := startProcess(s.command(), s.logPath)
	if err != nil {
		return err
	}
	s.proc, s.paused = p, false
	return nil
}

// close ends the server for good.
func (s *server) close() error {
	s.mu.Lock()
	s.closed = true
	p := s.proc
	s.mu.Unlock()
	var err error
	if p != nil {
		err = p.kill()
	}
	log := s.Log()
	s.mu.Lock()
	s.last = log
	s.mu.Unlock()
	return err
}
