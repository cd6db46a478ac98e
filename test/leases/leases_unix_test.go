// SPDX-License-Identifier: Apache-2.0

//go:build unix

package leases

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/test/internal/clients"
	"github.com/eetcd-go/eetcd/test/internal/soak"
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

// report has a client's figures for the time in which it kept its leases.
type report struct {
	Lost   int
	CPU    time.Duration
	Memory int // in bytes, goroutines' stacks included
}

// TestTenThousandLeasesSurviveTheKillOfAMember runs each client in its own process, to measure its CPU time. The client
// keeps the leases while the member of its renewals is killed and comes back.
func TestTenThousandLeasesSurviveTheKillOfAMember(t *testing.T) {
	length := soak.Length(t, 15*time.Second)
	reports := map[string]report{}
	roles := []string{"eetcd"}
	if testing.Verbose() {
		roles = append(roles, "clientv3") // to compare the figures, which only -v prints
	}
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			cluster := etcdtest.Start(t, etcdtest.WithSize(3))
			child := startChild(t, role, cluster.Endpoints())
			child.await(t, "kept")
			time.Sleep(length / 3)
			victim := renewing(t, cluster)
			victim.Kill()
			time.Sleep(length / 3)
			victim.Restart()
			time.Sleep(length / 3)
			n := count(t, cluster)
			r := child.finish(t)
			if role == "eetcd" && (r.Lost > 0 || n != leases) {
				t.Errorf("%d leases were lost, and the cluster has %d of %d", r.Lost, n, leases)
			}
			t.Logf("%s kept %d leases of %v for %v through the kill of a member: %d were lost; it took %v of CPU, and %d bytes for a lease",
				role, leases, ttl, length, r.Lost, r.CPU.Round(time.Millisecond), r.Memory/leases)
			reports[role] = r
		})
	}
	if len(roles) == 1 {
		return
	}
	t.Logf("eetcd took %.2f of the CPU of clientv3, and %.2f of the memory",
		reports["eetcd"].CPU.Seconds()/reports["clientv3"].CPU.Seconds(),
		float64(reports["eetcd"].Memory)/float64(reports["clientv3"].Memory))
}

// count returns the number of leases of the cluster.
func count(t *testing.T, cluster *etcdtest.Cluster) int {
	t.Helper()
	c, err := conn.Open(t.Context(), "", cluster.Endpoints())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all, err := lease.Leases(t.Context(), lease.New(c.Name()).WithTimeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return len(all.GetLeases())
}

// renewing returns the member whose metrics show a stream of renewals.
func renewing(t *testing.T, cluster *etcdtest.Cluster) *etcdtest.Member {
	t.Helper()
	for _, m := range cluster.Members() {
		response, err := http.Get("http://" + m.Endpoint() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		open := 0
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), "} ")
			if !strings.Contains(name, `grpc_method="LeaseKeepAlive"`) {
				continue
			}
			n, err := strconv.Atoi(value)
			switch {
			case err != nil:
				t.Fatalf("%s: %v", lines.Text(), err)
			case strings.HasPrefix(name, "grpc_server_started_total"):
				open += n
			case strings.HasPrefix(name, "grpc_server_handled_total"):
				open -= n
			}
		}
		response.Body.Close()
		if open > 0 {
			return m
		}
	}
	t.Fatal("no member has a stream of renewals")
	return nil
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

// finish makes the child report and end.
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

// keep runs in the child. It grants the leases, prints "kept" when each has been renewed once, and reports when its
// standard input closes.
func keep(role string, endpoints []string) error {
	client := map[string]func([]string) (client, error){"eetcd": openOurs, "clientv3": openTheirs}[role]
	idle := goleak.IgnoreCurrent()
	c, err := client(endpoints)
	if err != nil {
		return err
	}
	without := memory()
	if err := each(c.keep); err != nil {
		return err
	}
	with := memory()
	before := cpu()
	fmt.Println("kept")
	_, _ = io.Copy(io.Discard, os.Stdin)
	r := report{Lost: c.lost(), CPU: cpu() - before, Memory: with - without}
	if err := c.close(); err != nil {
		return err
	}
	if err := goleak.Find(idle); err != nil && role == "eetcd" {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func memory() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
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

// client keeps leases.
type client struct {
	keep  func(i int) error
	lost  func() int
	close func() error
}

func openOurs(endpoints []string) (client, error) {
	parent := context.Background()
	c, err := conn.Open(parent, "leases", endpoints)
	if err != nil {
		return client{}, err
	}
	base := lease.New(c.Name()).WithTimeout(30 * time.Second)
	keepers := make([]*lease.Keeper, leases)
	return client{
		keep: func(i int) error {
			granted, err := lease.Grant(parent, base, ttl)
			if err != nil {
				return err
			}
			keepers[i], err = lease.KeepAlive(parent, base, granted.GetID())
			return err
		},
		lost: func() int {
			n := 0
			for _, k := range keepers {
				if k.Err() != nil {
					n++
				}
			}
			return n
		},
		close: c.Close,
	}, nil
}

func openTheirs(endpoints []string) (client, error) {
	parent := context.Background()
	c, err := clients.DialClientV3(parent, endpoints...)
	if err != nil {
		return client{}, err
	}
	var gone atomic.Int64
	return client{
		keep: func(int) error {
			granted, err := c.Grant(parent, int64(ttl/time.Second))
			if err != nil {
				return err
			}
			answers, err := c.KeepAlive(parent, granted.ID)
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
		},
		lost:  func() int { return int(gone.Load()) },
		close: c.Close,
	}, nil
}
