// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// ttl is how long the others wait after the leader is killed.
const ttl = 2 * time.Second

// stand runs a candidate. It leads when its turn comes, and goes on until its parent closes its standard input.
func stand(ctx context.Context, name string, endpoints []string) (err error) {
	life, end := context.WithCancel(ctx)
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	c, err := conn.Open(life, connection, endpoints)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for life.Err() == nil {
		err := election.Run(life, election.New(connection).WithName(office).WithValue(name), ttl, lead)
		if err != nil && life.Err() == nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		}
	}
	return nil
}

// lead writes plans, each of them fenced, until the leadership is lost or the candidate leaves.
func lead(leading context.Context, l *election.Leadership) error {
	for n := 0; ; n++ {
		plan := kv.Key(workKey).WithValue(fmt.Sprintf("plan %d of revision %d", n, l.Key.GetRev()))
		r, err := kv.Txn(leading, kv.New(connection), op.If(l.Guard()).Then(op.Put(plan)))
		switch {
		case leading.Err() != nil:
			return nil
		case err != nil:
			return err
		case !r.GetSucceeded():
			return errors.New("somebody else leads")
		}
		select {
		case <-leading.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// process is a candidate in a process of its own.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
}

func start(name string, endpoints []string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "candidate", name, strings.Join(endpoints, ","))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return &process{cmd, in}, cmd.Start()
}

// stop lets the candidate resign.
func (p *process) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}
