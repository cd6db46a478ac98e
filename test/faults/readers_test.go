// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

const (
	readerCount     = 64
	defaultDeadline = 5 * time.Second // of the SDK, where neither the caller nor the request sets one
	shortDeadline   = 3 * time.Second
	readPause       = 150 * time.Millisecond // of each reader between two reads, on average
)

// read is one read that has ended.
type read struct {
	start, end time.Time
	deadline   time.Duration
	err        error
}

func (r read) took() time.Duration { return r.end.Sub(r.start) }

// readers read one key again and again, each on its own, until stop.
type readers struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	reads   [readerCount][]read // each written by one reader; read after stop
}

// startReaders passes each read's deadline to get, which decides how to keep it.
func startReaders(get func(deadline time.Duration) error) *readers {
	r := &readers{}
	life, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	for i := range r.reads {
		deadline := defaultDeadline
		if i%8 == 0 {
			deadline = shortDeadline
		}
		r.running.Go(func() {
			for life.Err() == nil {
				one := read{start: time.Now(), deadline: deadline}
				one.err = get(deadline)
				one.end = time.Now()
				r.reads[i] = append(r.reads[i], one)
				select {
				case <-life.Done():
				case <-time.After(readPause/2 + rand.N(readPause)):
				}
			}
		})
	}
	return r
}

// stop returns when every reader has ended its last read. It may be called more than once.
func (r *readers) stop() {
	r.cancel()
	r.running.Wait()
}

// toll is the cost of a fault for the readers of one client.
type toll struct {
	reads, failed int
	firstErr      error
	next          time.Duration // from the fault to the first success of any read that began after it
	last          time.Duration // from the fault until every reader had had such a success
	slowest       time.Duration // of all reads
	late          int           // reads that took longer than their deadline
	silent        int           // readers without any success after the fault
}

func (r *readers) toll(struck time.Time, slack time.Duration) toll {
	var sum toll
	for _, reads := range r.reads {
		var back time.Duration
		for _, one := range reads {
			sum.reads++
			sum.slowest = max(sum.slowest, one.took())
			if one.took() > one.deadline+slack {
				sum.late++
			}
			if one.err != nil {
				sum.failed++
				if sum.firstErr == nil {
					sum.firstErr = one.err
				}
			} else if back == 0 && one.start.After(struck) {
				back = one.end.Sub(struck)
			}
		}
		if back == 0 {
			sum.silent++
			continue
		}
		sum.last = max(sum.last, back)
		if sum.next == 0 || back < sum.next {
			sum.next = back
		}
	}
	return sum
}

const readKey = "read by many"

const (
	yardstickPause = 10 * time.Millisecond // so short that little of what holds up a process is missed
	usual          = 2 * time.Millisecond  // for an answer, where nothing is held up
)

// yardstick measures how busy the machine is: how long a bare gRPC client waits for a healthy member that asks no other
// member.
type yardstick struct {
	cancel  context.CancelFunc
	done    chan struct{}
	slowest time.Duration // read after stop, as held
	held    time.Duration // how long it was without the CPU, or waited for an answer, in all
}

func startYardstick(t *testing.T, m *etcdtest.Member) *yardstick {
	t.Helper()
	cc, err := grpc.NewClient(m.Endpoint(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	life, cancel := context.WithCancel(context.Background())
	y := &yardstick{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(y.done)
		defer cc.Close()
		stub := pb.NewKVClient(cc)
		for life.Err() == nil {
			start := time.Now()
			if _, err := stub.Range(context.Background(), &pb.RangeRequest{Key: []byte(readKey), Serializable: true}); err != nil {
				t.Errorf("a member that has nothing wrong with it: %v", err)
			}
			y.slowest = max(y.slowest, time.Since(start))
			time.Sleep(yardstickPause)
			if late := time.Since(start) - yardstickPause; late > usual {
				y.held += late
			}
		}
	}()
	return y
}

// stop returns the slowest answer. It may be called more than once.
func (y *yardstick) stop() time.Duration {
	y.cancel()
	<-y.done
	return y.slowest
}

// sdkReaders read through a connection of the SDK. Deadlines come from all three places: the default, the request, and
// the caller's context.
func sdkReaders(c *conn.Conn) *readers {
	base := kv.New(c.Name()).WithKey(readKey)
	return startReaders(func(deadline time.Duration) error {
		parent := context.Background()
		request := base
		switch {
		case deadline == defaultDeadline:
		case rand.N(2) == 0:
			request = base.WithTimeout(deadline)
		default:
			var cancel context.CancelFunc
			parent, cancel = context.WithTimeout(parent, deadline)
			defer cancel()
		}
		_, err := kv.Get(parent, request)
		return err
	})
}

// etcdReaders read through etcd's own client, connected to the same endpoints.
func etcdReaders(t *testing.T, endpoints []string) (r *readers, stop func()) {
	t.Helper()
	c, err := clients.DialClientV3(context.Background(), endpoints...)
	if err != nil {
		t.Fatal(err)
	}
	r = startReaders(func(deadline time.Duration) error {
		parent, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		_, err := c.Get(parent, readKey)
		return err
	})
	return r, func() {
		r.stop()
		if err := c.Close(); err != nil {
			t.Errorf("close clientv3: %v", err)
		}
	}
}
