// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
)

// patience is how long an act may take: many times a lease.
const patience = 30 * time.Second

// story lets services and members come and go.
type story struct {
	out       io.Writer
	board     *board
	cluster   *etcdtest.Cluster // nil for a cluster of $ETCD_ENDPOINTS
	endpoints []string
	services  map[string]*process
}

type process struct {
	cmd   *exec.Cmd
	alive io.Closer // its standard input: the service ends when it closes
}

func (s *story) tell(life context.Context) error {
	for _, act := range []func(context.Context) error{s.come, s.die, s.outage, s.wipe, s.leave} {
		ctx, cancel := context.WithTimeout(life, patience)
		err := act(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	s.board.say("Done. The client made %s.", s.board.calls.sum())
	return nil
}

func (s *story) come(ctx context.Context) error {
	s.board.say("Three gRPC services register, each under a lease of %v that it keeps alive.", ttl)
	for _, name := range []string{"api-1", "api-2", "api-3"} {
		if err := s.start(name); err != nil {
			return err
		}
	}
	if err := s.board.await(ctx, "api-1", "api-2", "api-3"); err != nil {
		return err
	}
	s.board.say("%d callers of a gRPC client call them in turn, all the time from now on.", callers)
	return s.board.calls.more(ctx, 20*callers)
}

func (s *story) die(ctx context.Context) error {
	s.board.say("api-2 is killed, so it cannot say goodbye. Its lease runs out, and its entry goes with it. " +
		"Its calls go to the others at once.")
	s.kill("api-2", syscall.SIGKILL)
	began := time.Now()
	if err := s.board.await(ctx, "api-1", "api-3"); err != nil {
		return err
	}
	s.board.say("That took %.1f s. So far the client made %s.", time.Since(began).Seconds(), s.board.calls.sum())
	return nil
}

func (s *story) outage(ctx context.Context) error {
	if s.cluster == nil {
		s.board.say("The cluster is yours, so none of its members is killed.")
		return s.start4(ctx)
	}
	leader := s.cluster.Leader()
	if leader == nil {
		return fmt.Errorf("the cluster has no leader: %w", s.cluster.Err())
	}
	s.board.say("The leader of the cluster, member %s, is killed. The services stay, and the table still follows: api-4 comes.",
		leader.Name())
	leader.Kill()
	if err := s.start4(ctx); err != nil {
		return err
	}
	time.Sleep(ttl + time.Second) // long enough for every lease to expire
	if err := s.board.await(ctx, "api-1", "api-3", "api-4"); err != nil {
		return err
	}
	s.board.say("More than a TTL later, all three are still there. conn.WriteInfo shows the connection:")
	var info strings.Builder
	if err := conn.WriteInfo(&info); err != nil {
		return err
	}
	for line := range strings.Lines(info.String()) {
		fmt.Fprint(s.out, "     ", line)
	}
	leader.Restart()
	return s.cluster.Err()
}

func (s *story) start4(ctx context.Context) error {
	if err := s.start("api-4"); err != nil {
		return err
	}
	return s.board.await(ctx, "api-1", "api-3", "api-4")
}

// wipe has etcd lose everything. The services register again, and the client keeps them meanwhile.
func (s *story) wipe(ctx context.Context) error {
	if s.cluster == nil {
		return nil
	}
	s.board.say("The cluster loses all that it has stored. The services do not know, and register again.")
	before := s.board.seen()
	s.cluster.Wipe()
	if err := s.board.look(ctx, before); err != nil {
		return err
	}
	if err := s.board.await(ctx, "api-1", "api-3", "api-4"); err != nil {
		return err
	}
	if err := s.board.calls.more(ctx, 20*callers); err != nil {
		return err
	}
	s.board.say("All three are there again. So far the client made %s.", s.board.calls.sum())
	return s.cluster.Err()
}

func (s *story) leave(ctx context.Context) error {
	s.board.say("api-4 leaves in good order: it revokes its lease, and its entry goes at once.")
	began := time.Now()
	s.kill("api-4", syscall.SIGTERM)
	if err := s.board.await(ctx, "api-1", "api-3"); err != nil {
		return err
	}
	s.board.say("That took %.1f s. The others leave too.", time.Since(began).Seconds())
	s.end()
	return s.board.await(ctx)
}

// start starts a service: this program, in another role.
func (s *story) start(name string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "service", name)
	cmd.Env = append(os.Environ(), endpointsEnv+"="+strings.Join(s.endpoints, ","))
	cmd.Stderr = os.Stderr
	alive, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if s.services == nil {
		s.services = map[string]*process{}
	}
	s.services[name] = &process{cmd: cmd, alive: alive}
	return nil
}

// kill sends a service a signal and waits for its end.
func (s *story) kill(name string, signal syscall.Signal) {
	p := s.services[name]
	delete(s.services, name)
	_ = p.cmd.Process.Signal(signal) // it may be gone already
	_ = p.cmd.Wait()
	_ = p.alive.Close()
}

// end ends the services that are left.
func (s *story) end() {
	for name := range s.services {
		s.kill(name, syscall.SIGTERM)
	}
}
