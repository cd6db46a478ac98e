// SPDX-License-Identifier: Apache-2.0

//go:build unix

package lease_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/lease"
)

// A child is this test binary again, with what it is to do in its environment.
const (
	childEndpoint = "EETCD_LEASE_TEST_ENDPOINT"
	childQuestion = "EETCD_LEASE_TEST_QUESTION"
)

// questions are ways to ask a Keeper whether it still keeps its lease.
var questions = map[string]func(k *lease.Keeper) (lost bool){
	"Err": func(k *lease.Keeper) bool { return errors.Is(k.Err(), lease.ErrExpired) },
	"Done": func(k *lease.Keeper) bool {
		select {
		case <-k.Done():
			return errors.Is(k.Err(), lease.ErrExpired)
		default:
			return false
		}
	},
	"ValidUntil": func(k *lease.Keeper) bool { return !time.Now().Before(k.ValidUntil()) },
}

func TestStoppedProcessLearnsOfALostLeaseFromItsFirstCall(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var children sync.WaitGroup
	for question := range questions {
		for stopped, want := range map[time.Duration]string{500 * time.Millisecond: "kept", 5 * time.Second: "lost"} {
			children.Go(func() {
				child := exec.CommandContext(t.Context(), self)
				child.Env = append(os.Environ(), childEndpoint+"="+cluster.Endpoints()[0], childQuestion+"="+question)
				child.Stderr = os.Stderr
				out, err := child.StdoutPipe()
				if err == nil {
					err = child.Start()
				}
				if err != nil {
					t.Error(err)
					return
				}
				lines := bufio.NewScanner(out)
				if !lines.Scan() || lines.Text() != "about to stop" {
					t.Errorf("the child says %q", lines.Text())
				}
				time.Sleep(stopped)
				if err := child.Process.Signal(syscall.SIGCONT); err != nil {
					t.Error(err)
				}
				if !lines.Scan() || lines.Text() != want {
					t.Errorf("after a stop of %v a child that asks %s says %q, want %q", stopped, question, lines.Text(), want)
				}
				if err := child.Wait(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	children.Wait()
}

// child keeps a lease of 4 s, stops its own process, and asks its Keeper as soon as it runs again.
func child(endpoint, question string) (code int) {
	if err := stopAndAsk(endpoint, questions[question]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func stopAndAsk(endpoint string, lost func(*lease.Keeper) bool) (err error) {
	c, err := conn.Open(context.Background(), "", []string{endpoint})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	granted, err := lease.Grant(context.Background(), lease.New(c.Name()), 4*time.Second)
	if err != nil {
		return err
	}
	k, err := lease.KeepAlive(context.Background(), lease.New(c.Name()), granted.ID)
	if err != nil {
		return err
	}
	time.Sleep(5 * time.Second) // some renewals
	if lost(k) {
		return fmt.Errorf("the lease was lost before the stop: %w", k.Err())
	}
	fmt.Println("about to stop")
	last := time.Now()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGSTOP); err != nil {
		return err
	}
	// Another thread may take the signal: this one notices that it was stopped by what the clock says.
	for now := time.Now(); now.Sub(last) < 400*time.Millisecond; now = time.Now() {
		last = now
	}
	if lost(k) {
		fmt.Println("lost")
	} else {
		fmt.Println("kept")
	}
	return nil
}
