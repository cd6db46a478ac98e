// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	theirs "go.etcd.io/etcd/client/v3/namespace"

	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// prefixes are those of the namespaces. The end of a prefix is shorter if its last byte is 0xff, and there is none after 0xff alone.
var prefixes = []string{"tenants/7/", "x\xff", "\xff\xff", "\x00", "a"}

// TestNamespaceAnswersRandomRequestsAsClientv3sDoes runs $EETCD_PROGRAMS programs, 100 by default, or the one of $EETCD_FAULT_SEED, each
// with clients of its own.
func TestNamespaceAnswersRandomRequestsAsClientv3sDoes(t *testing.T) {
	t.Parallel()
	programs, given := fromEnv(t, "EETCD_PROGRAMS")
	if !given {
		programs = 100
	}
	seed, given := fromEnv(t, "EETCD_FAULT_SEED")
	if given {
		programs = 1
	}
	for range programs {
		if !given {
			seed = rand.Uint64()
		}
		alike := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			c, etcd := both(t)
			same(t, c, etcd, random(seed))
		})
		if !alike {
			t.Fatalf("EETCD_FAULT_SEED=%d", seed)
		}
	}
}

// fromEnv returns the number in an environment variable, if it is set.
func fromEnv(t *testing.T, variable string) (n uint64, given bool) {
	t.Helper()
	text, given := os.LookupEnv(variable)
	if !given {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n, true
}

// random returns a program of up to 1 KiB.
func random(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, 1+r.IntN(1024))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// same runs the program in data with clientv3's namespace, with one of the SDK, and with clientv3's stubs over one of the SDK. The
// store is empty before each run. All see the same.
func same(t *testing.T, c *conn.Conn, etcd *clientv3.Client, data []byte) {
	t.Helper()
	p := program{data}
	prefix := prefixes[p.next(len(prefixes))]
	ours := namespaceOf(t, c, "differential", prefix)
	defer ours.Close()
	sides := []*side{
		{
			name: "clientv3", send: sendTheirs(theirs.NewKV(etcd.KV, prefix)),
			lease: theirs.NewLease(etcd.Lease, prefix), watch: watchTheirs(theirs.NewWatcher(etcd.Watcher, prefix)),
			call: below(prefix, callTheirs(etcd.ActiveConnection())),
		},
		{
			name: "the SDK", send: sendOurs(ours),
			lease: clientv3.NewLeaseFromLeaseClient(etcdpb.NewLeaseClient(ours), etcd, limit), watch: watchOurs(ours), call: callOurs(ours),
		},
		{
			name: "clientv3 over the SDK", send: sendTheirs(clientv3.NewKVFromKVClient(etcdpb.NewKVClient(ours), etcd)),
			lease: clientv3.NewLeaseFromLeaseClient(etcdpb.NewLeaseClient(ours), etcd, limit),
			watch: watchTheirs(clientv3.NewWatchFromWatchClient(etcdpb.NewWatchClient(ours), etcd)), call: callTheirs(ours),
		},
	}
	var first []string
	for i, s := range sides {
		if _, err := etcd.Delete(t.Context(), "\x00", clientv3.WithFromKey()); err != nil {
			t.Fatal(err)
		}
		saw := run(t, etcd, s, prefix, p)
		if i == 0 {
			first = saw
		}
		for n := range max(len(first), len(saw)) {
			if at(saw, n) != at(first, n) {
				t.Errorf("below %q, line %d:\n%s:\n%s\n%s:\n%s", prefix, n, s.name, at(saw, n), sides[0].name, at(first, n))
				return
			}
		}
	}
}

func at(lines []string, n int) string {
	if n >= len(lines) {
		return "nothing"
	}
	return lines[n]
}

// run runs a program on a side, and returns what it saw.
func run(t *testing.T, etcd *clientv3.Client, s *side, prefix string, p program) (saw []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for len(s.leases) < 2 {
		granted, err := s.lease.Grant(ctx, 60)
		if err != nil {
			t.Fatal(err)
		}
		s.leases = append(s.leases, int64(granted.ID))
	}
	// One key of a lease is outside the namespace.
	outside, err := etcd.Put(ctx, "outside", "", clientv3.WithLease(clientv3.LeaseID(s.leases[0])))
	if err != nil {
		t.Fatal(err)
	}
	s.last = outside.Header.Revision
	watches := make([]watched, 1+p.next(3))
	for i := range watches {
		request := p.watch()
		request.StartRevision = s.last + 1
		events, err := s.watch(ctx, request)
		if err != nil {
			t.Fatalf("%s watches %v: %v", s.name, request, err)
		}
		watches[i] = watched{request, events}
	}
	for !p.over() {
		switch p.next(10) {
		case 0, 1:
			saw = append(saw, s.coordinate(t, ctx, etcd, prefix, &p)...)
			continue
		case 2:
			saw = append(saw, s.askLease(t, ctx, &p))
			continue
		}
		op := p.request(len(s.revs))
		m, err := s.send(ctx, resolve(s, op))
		if err != nil {
			saw = append(saw, fmt.Sprintf("%v fails: %s", op, kindOf(t, err)))
			continue
		}
		s.wrote(revisionOf(m))
		saw = append(saw, fmt.Sprintf("%v: %s", op, text(number(s, m))))
	}
	for _, w := range watches {
		saw = append(saw, w.rest(t, ctx, s)...)
	}
	for n, id := range s.leases {
		saw = append(saw, s.timeToLive(t, ctx, n, id))
		if _, err := s.lease.Revoke(ctx, clientv3.LeaseID(id)); err != nil && kindOf(t, err) != leaseNotFound {
			t.Error(err)
		}
	}
	return saw
}

// watched is a watch, and its events.
type watched struct {
	request *pb.WatchCreateRequest
	events  <-chan *mvccpb.Event
}

// rest puts and deletes the key of the watch, and returns all events up to that.
func (w watched) rest(t *testing.T, ctx context.Context, s *side) (saw []string) {
	t.Helper()
	var end int64
	for _, op := range []*pb.RequestOp{
		{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: w.request.Key}}},
		{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{Key: w.request.Key}}},
	} {
		m, err := s.send(ctx, op)
		if err != nil {
			t.Fatal(err)
		}
		s.revs = append(s.revs, revisionOf(m))
		if op.GetRequestPut() != nil || !filters(w.request, pb.WatchCreateRequest_NODELETE) {
			end = revisionOf(m)
		}
	}
	for e := range w.events {
		saw = append(saw, fmt.Sprintf("an event: %s", text(number(s, e))))
		if e.GetKv().GetModRevision() == end {
			return saw
		}
	}
	t.Fatalf("%s: the watch %v ends after %q", s.name, w.request, saw)
	return nil
}
