// SPDX-License-Identifier: Apache-2.0

//go:build unix

package leases

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/lease"
)

const (
	leases  = 10_000
	ttl     = 10 * time.Second
	callers = 64

	roleEnv      = "EETCD_LEASES_CLIENT"
	endpointsEnv = "EETCD_LEASES_ENDPOINTS"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		if err := keep(role, strings.Split(os.Getenv(endpointsEnv), ",")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// report is what a client says of the time in which it kept its leases.
type report struct {
	Lost int
	CPU  time.Duration
}

// TestTenThousandLeasesLiveThroughTheKillOfAMember has each client, in a process of its own so that its CPU time can be
// told, keep the leases while a member is killed and comes back.
func TestTenThousandLeasesLiveThroughTheKillOfAMember(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	length := keepFor(t)
	reports := map[string]report{}
	for i, role := range []string{"eetcd", "clientv3"} {
		child := startChild(t, role, cluster.Endpoints())
		child.await(t, "kept")
		victim := cluster.Member(i)
		time.Sleep(length / 3)
		victim.Kill()
		time.Sleep(length / 3)
		victim.Restart()
		time.Sleep(length / 3)
		all, err := lease.Leases(t.Context(), lease.New(c.Name()).WithTimeout(30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(all.GetLeases()); role == "eetcd" && n != leases {
			t.Errorf("%s: the cluster has %d leases, want %d", role, n, leases)
		}
		reports[role] = child.finish(t)
		// They are in the way of the next client.
		var revoking sync.WaitGroup
		for w := range callers {
			revoking.Go(func() {
				for i := w; i < len(all.GetLeases()); i += callers {
					_, _ = lease.Revoke(t.Context(), lease.New(c.Name()).WithTimeout(30*time.Second), all.GetLeases()[i].GetID())
				}
			})
		}
		revoking.Wait()
	}
	ours, theirs := reports["eetcd"], reports["clientv3"]
	t.Logf("%d leases of %v kept for %v through the kill of a member: eetcd lost %d and took %v of CPU, clientv3 lost %d and took %v: %.2f of it",
		leases, ttl, length, ours.Lost, ours.CPU.Round(time.Millisecond), theirs.Lost, theirs.CPU.Round(time.Millisecond),
		ours.CPU.Seconds()/theirs.CPU.Seconds())
	if ours.Lost > 0 {
		t.Errorf("%d leases were lost", ours.Lost)
	}
}

// keepFor is 15 s, or $EETCD_FAULT_SECONDS.
func keepFor(t *testing.T) time.Duration {
	t.Helper()
	given := os.Getenv("EETCD_FAULT_SECONDS")
	if given == "" {
		return 15 * time.Second
	}
	seconds, err := strconv.Atoi(given)
	if err != nil || seconds < 3 {
		t.Fatalf("EETCD_FAULT_SECONDS=%q: want a number of seconds from 3 on", given)
	}
	return time.Duration(seconds) * time.Second
}

type child struct {
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Scanner
}

func startChild(t *testing.T, role string, endpoints []string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role, endpointsEnv+"="+strings.Join(endpoints, ","))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &child{cmd: cmd, in: in, out: bufio.NewScanner(out)}
}

// await waits for a line of the child's.
func (c *child) await(t *testing.T, line string) {
	t.Helper()
	if !c.out.Scan() || c.out.Text() != line {
		t.Fatalf("the client says %q (%v), want %q", c.out.Text(), c.out.Err(), line)
	}
}

// finish has the child report and end.
func (c *child) finish(t *testing.T) report {
	t.Helper()
	_ = c.in.Close()
	var r report
	if !c.out.Scan() {
		t.Fatalf("the client ended without a report: %v", c.out.Err())
	}
	if err := json.Unmarshal(c.out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Error(err)
	}
	return r
}

// keep is the child: it grants the leases, says "kept" when each has been renewed once, and reports when its standard
// input closes.
func keep(role string, endpoints []string) error {
	start := map[string]func([]string) (func() int, error){"eetcd": keepOurs, "clientv3": keepTheirs}[role]
	lost, err := start(endpoints)
	if err != nil {
		return err
	}
	before := cpu()
	fmt.Println("kept")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return json.NewEncoder(os.Stdout).Encode(report{Lost: lost(), CPU: cpu() - before})
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it fails only for a bad argument
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// each calls f for every lease, several at once, and returns the first error.
func each(f func(i int) error) error {
	var all sync.WaitGroup
	errs := make(chan error, callers)
	for w := range callers {
		all.Go(func() {
			for i := w; i < leases; i += callers {
				if err := f(i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return <-errs
}

func keepOurs(endpoints []string) (lost func() int, err error) {
	parent := context.Background()
	c, err := conn.Open(parent, "leases", endpoints)
	if err != nil {
		return nil, err
	}
	base := lease.New(c.Name()).WithTimeout(30 * time.Second)
	keepers := make([]*lease.Keeper, leases)
	err = each(func(i int) error {
		granted, err := lease.Grant(parent, base, ttl)
		if err != nil {
			return err
		}
		keepers[i], err = lease.KeepAlive(parent, base, granted.GetID())
		return err
	})
	return func() int {
		n := 0
		for _, k := range keepers {
			select {
			case <-k.Done():
				n++
			default:
			}
		}
		return n
	}, err
}

func keepTheirs(endpoints []string) (lost func() int, err error) {
	parent := context.Background()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints})
	if err != nil {
		return nil, err
	}
	var gone atomic.Int64
	err = each(func(int) error {
		granted, err := client.Grant(parent, int64(ttl/time.Second))
		if err != nil {
			return err
		}
		answers, err := client.KeepAlive(parent, granted.ID)
		if err != nil {
			return err
		}
		<-answers
		go func() { // the channel has to be drained
			for range answers {
			}
			gone.Add(1)
		}()
		return nil
	})
	return func() int { return int(gone.Load()) }, err
}
