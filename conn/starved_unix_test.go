// SPDX-License-Identifier: Apache-2.0

//go:build unix

package conn_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// starvedEndpoints makes this test binary the starved process, and holds its endpoints.
const starvedEndpoints = "EETCD_CONN_TEST_STARVED"

func init() {
	endpoints := os.Getenv(starvedEndpoints)
	if endpoints == "" {
		return
	}
	child = func() int {
		if err := starve(strings.Split(endpoints, ",")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
}

// starved is the report of a starved process.
type starved struct {
	Calls, Attempts int64 // reads that ended, and what was sent for them
	Failed          int64
	Frozen          int64 // endpoints that left service
	Checks          int64
	Streams         int64 // opened for the one watch
}

// A process that is stopped again and again finds all its timers late when it continues, although the answers have long
// been in its sockets.
func TestStarvedProcessDoesNotSuspectItsMembers(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), starvedEndpoints+"="+strings.Join(cluster.Endpoints(), ","))
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the child says %q", lines.Text())
	}
	const stops = 6
	for range stops {
		for _, step := range []struct {
			signal syscall.Signal
			lasts  time.Duration
		}{{syscall.SIGSTOP, 700 * time.Millisecond}, {syscall.SIGCONT, 100 * time.Millisecond}} {
			if err := child.Process.Signal(step.signal); err != nil {
				t.Fatal(err)
			}
			time.Sleep(step.lasts)
		}
	}
	if err := child.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	in.Close()
	var saw starved
	if lines.Scan() {
		err = json.Unmarshal(lines.Bytes(), &saw)
	}
	if err != nil || child.Wait() != nil {
		t.Fatalf("the child says %q: %v", lines.Text(), err)
	}
	t.Logf("%+v", saw)
	if saw.Calls < stops {
		t.Errorf("%d reads ended in %d stops", saw.Calls, stops)
	}
	if saw.Failed > 0 || saw.Frozen > 0 || saw.Streams != 1 {
		t.Errorf("%d reads failed, %d endpoints were frozen, the watch took %d streams", saw.Failed, saw.Frozen, saw.Streams)
	}
	if hedges := saw.Attempts - saw.Calls; hedges > stops*readers/8 {
		t.Errorf("%d of %d reads were sent twice", hedges, saw.Calls)
	}
}

const readers = 32

// starve reads and watches until its input ends.
func starve(endpoints []string) (err error) {
	var calls, attempts, failed, frozen, checks, streams atomic.Int64
	count := []conn.Option{
		conn.WithStateListener(func(e conn.Endpoint) {
			if e.State == conn.Frozen {
				frozen.Add(1)
			}
		}),
		conn.WithDialOptions(
			grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, args, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				switch method {
				case pb.KV_Range_FullMethodName:
					attempts.Add(1)
				case healthpb.Health_Check_FullMethodName:
					checks.Add(1)
				}
				return invoke(ctx, method, args, reply, cc, opts...)
			}),
			grpc.WithChainStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
				streams.Add(1)
				return open(ctx, desc, cc, method, opts...)
			}),
		),
	}
	parent := context.Background()
	c, err := conn.Open(parent, "", endpoints, count...)
	if err != nil {
		return err
	}
	key := kv.New(c.Name()).WithKey("k")
	w, err := watch.Watch(parent, key)
	if err != nil {
		return err
	}
	reading := make(chan struct{})
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for {
				select {
				case <-reading:
					return
				default:
				}
				if _, err := kv.Get(parent, key.WithTimeout(time.Minute)); err != nil {
					failed.Add(1)
					fmt.Fprintln(os.Stderr, err)
				}
				calls.Add(1)
			}
		})
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	close(reading)
	all.Wait()
	_ = w.Close()
	if err := c.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(starved{
		Calls: calls.Load(), Attempts: attempts.Load(), Failed: failed.Load(),
		Frozen: frozen.Load(), Checks: checks.Load(), Streams: streams.Load(),
	})
}
