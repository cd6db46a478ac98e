// SPDX-License-Identifier: Apache-2.0

package presences

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/presence"
)

const (
	many = 1000
	// pace is how many requests a second the server may get for the return of all of them.
	pace = 200
	// goroutinesEach is what a presence may cost.
	goroutinesEach = 2
)

// TestThousandPresencesReturnAtAPaceThatTheServerCanTake also counts what a presence costs.
func TestThousandPresencesReturnAtAPaceThatTheServerCanTake(t *testing.T) {
	before, memory := 0, 0
	manyReturn(t, outages[0], many, 5*time.Second, pace, func() {
		before, memory = runtime.NumGoroutine(), inUse()
	}, func() {
		each := float64(runtime.NumGoroutine()-before) / many
		if each > goroutinesEach+0.1 {
			t.Errorf("a presence costs %.2f goroutines", each)
		}
		t.Logf("a presence costs %.2f goroutines and %d bytes", each, (inUse()-memory)/many)
	})
}

// TestManyPresencesReturnFromEachOutage is the short form for the other outages.
func TestManyPresencesReturnFromEachOutage(t *testing.T) {
	t.Parallel()
	for _, outage := range outages[1:] {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			// Other tests run beside this one, so a second may get what was due in the one before.
			manyReturn(t, outage, many/5, 3*time.Second, 2*pace, func() {}, func() {})
		})
	}
}

// manyReturn has n presences return from an outage of twice their TTL, and counts what their connection sends meanwhile: every unary
// call, and the first renewal of every lease. most is how many of them a second may have. It calls before and after around the
// arrival of the presences.
func manyReturn(t *testing.T, outage outage, n int, ttl time.Duration, most int, before, after func()) {
	t.Helper()
	cluster := etcdtest.Start(t)
	counter := &counter{leases: map[int64]bool{}}
	c := open(t, cluster, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(counter.unary), grpc.WithChainStreamInterceptor(counter.stream)))
	before()
	all := keepMany(t, c, n, ttl)
	after()
	outage.begin(cluster)
	for _, p := range all {
		for p.State().Present {
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(ttl)
	ended := time.Now()
	counter.reset()
	outage.end(cluster)
	took := make([]time.Duration, n)
	for i, p := range all {
		for s := range p.Changes() {
			if s.Present {
				took[i] = s.Since.Sub(ended)
				break
			}
		}
	}
	sent, fastest := counter.most()
	slices.Sort(took)
	// On a busy machine a presence may go and return once more.
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		values := get(t, c, "there/").values
		slices.Sort(values)
		if len(slices.Compact(slices.Clone(values))) == n && len(values) == n {
			break
		}
		if time.Since(began) > patience {
			t.Fatalf("%d keys are there, want %d with a value each", len(values), n)
		}
	}
	if fastest > most {
		t.Errorf("the server got %d requests within a second, want at most %d", fastest, most)
	}
	t.Logf("%s: %d presences were back %v (the first), %v (median), %v (the last) after the server was; it got %d requests, %d in the "+
		"busiest second", outage.name, n, took[0].Round(time.Millisecond), took[n/2].Round(time.Millisecond),
		took[n-1].Round(time.Millisecond), sent, fastest)
	if took[0] > returnBound {
		t.Errorf("the first presence was away for %v after the server was back", took[0])
	}
}

// TestReturnThatIsInterruptedGoesOnAtTheSamePace takes the network away again while presences wait for their turn.
func TestReturnThatIsInterruptedGoesOnAtTheSamePace(t *testing.T) {
	t.Parallel()
	const n, ttl = 200, 2 * time.Second
	cluster := etcdtest.Start(t, etcdtest.WithProxy())
	counter := &counter{leases: map[int64]bool{}}
	c := open(t, cluster, conn.WithDialOptions(grpc.WithChainUnaryInterceptor(counter.unary), grpc.WithChainStreamInterceptor(counter.stream)))
	all := keepMany(t, c, n, ttl)
	for _, away := range []time.Duration{2 * ttl, ttl} {
		cluster.Member(0).Cut()
		time.Sleep(away)
		counter.reset()
		cluster.Member(0).Heal()
		for !slices.ContainsFunc(all, isPresent) {
			time.Sleep(time.Millisecond)
		}
	}
	for _, p := range all {
		for s := range p.Changes() {
			if s.Present {
				break
			}
		}
	}
	sent, fastest := counter.most()
	t.Logf("%d presences were back after two outages in a row: the server got %d requests, %d in the busiest second", n, sent, fastest)
	if fastest > pace {
		t.Errorf("the server got %d requests within a second, want at most %d", fastest, pace)
	}
}

func isPresent(p *presence.Presence) bool { return p.State().Present }

// keepMany keeps the keys there/0 to there/n-1.
func keepMany(t *testing.T, c presence.Request, n int, ttl time.Duration) []*presence.Presence {
	t.Helper()
	all := make([]*presence.Presence, n)
	var keeping sync.WaitGroup
	next := make(chan int)
	for range 32 {
		keeping.Go(func() {
			for i := range next {
				key := c.WithKey("there/" + strconv.Itoa(i)).WithValue(strconv.Itoa(i)).WithTimeout(patience)
				p, err := presence.Keep(context.Background(), key, ttl)
				if err != nil {
					t.Error(err)
				}
				all[i] = p
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	keeping.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return all
}

func inUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}

// counter notes when a connection sends what a presence needs.
type counter struct {
	mu     sync.Mutex
	at     []time.Time
	leases map[int64]bool // that have been renewed
}

func (c *counter) note() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, time.Now())
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = nil
}

// most is how many requests there were, and how many at most in a second.
func (c *counter) most() (all, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortFunc(c.at, time.Time.Compare)
	first := 0
	for i, at := range c.at {
		for at.Sub(c.at[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return len(c.at), most
}

func (c *counter) unary(
	parent context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	if strings.HasPrefix(method, "/etcdserverpb.KV/") || strings.HasPrefix(method, "/etcdserverpb.Lease/") {
		c.note()
	}
	return invoke(parent, method, request, reply, cc, opts...)
}

func (c *counter) stream(
	parent context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s, err := open(parent, desc, cc, method, opts...)
	if err != nil {
		return nil, err
	}
	return &counted{s, c}, nil
}

type counted struct {
	grpc.ClientStream
	counter *counter
}

func (s *counted) SendMsg(m any) error {
	if renewal, ok := m.(*pb.LeaseKeepAliveRequest); ok {
		s.counter.mu.Lock()
		first := !s.counter.leases[renewal.GetID()]
		s.counter.leases[renewal.GetID()] = true
		s.counter.mu.Unlock()
		if first {
			s.counter.note()
		}
	}
	return s.ClientStream.SendMsg(m)
}
