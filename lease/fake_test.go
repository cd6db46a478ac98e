// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/lease"
)

// member is a fake member that answers the renewals of a stream one by one, as a real member does. The test chooses the answers.
type member struct {
	*fakemember.Member
	pb.UnimplementedLeaseServer

	mu       sync.Mutex
	renewals []renewal
	streams  int // open now
	opened   int // ever
	// renew decides what becomes of a renewal. It may take its time, until the stream ends.
	renew   func(parent context.Context, id int64) (ttl int64, err error)
	refusal error         // of each stream of renewals, at once
	arrived chan struct{} // closed with the next renewal; nil where nobody waits
}

// renewal is a request that a member has seen.
type renewal struct {
	id     int64
	at     time.Time
	stream int
}

// newMember starts a member that grants every lease that TTL, in seconds.
func newMember(t *testing.T, name string, ttl int64) *member {
	m := &member{Member: fakemember.New(t, name), renew: always(ttl)}
	m.Serve(m)
	return m
}

func always(ttl int64) func(context.Context, int64) (int64, error) {
	return func(context.Context, int64) (int64, error) { return ttl, nil }
}

func (m *member) answer(renew func(parent context.Context, id int64) (int64, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.renew = renew
}

// refuse has the member end each stream of renewals with that error, before the first.
func (m *member) refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusal = err
}

// seen returns the renewals of a lease. With 0 it returns those of all leases.
func (m *member) seen(id int64) []renewal {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.renewals), func(r renewal) bool { return id != 0 && r.id != id })
}

// next waits for the next renewal.
func (m *member) next() {
	m.mu.Lock()
	if m.arrived == nil {
		m.arrived = make(chan struct{})
	}
	arrived := m.arrived
	m.mu.Unlock()
	<-arrived
}

func (m *member) open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.streams
}

func (m *member) LeaseKeepAlive(s grpc.BidiStreamingServer[pb.LeaseKeepAliveRequest, pb.LeaseKeepAliveResponse]) error {
	m.mu.Lock()
	m.streams++
	m.opened++
	stream, refusal := m.opened, m.refusal
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.streams--
	}()
	if refusal != nil {
		return refusal
	}
	var held []*pb.LeaseKeepAliveResponse
	for {
		request, err := s.Recv()
		if err != nil {
			return err
		}
		m.mu.Lock()
		m.renewals = append(m.renewals, renewal{id: request.ID, at: time.Now(), stream: stream})
		renew := m.renew
		if m.arrived != nil {
			close(m.arrived)
			m.arrived = nil
		}
		m.mu.Unlock()
		if err := m.Wait(s.Context()); err != nil {
			return err
		}
		ttl, err := renew(s.Context(), request.ID)
		answers := []*pb.LeaseKeepAliveResponse{{ID: request.ID, TTL: ttl}}
		switch {
		case errors.Is(err, errDropped):
			continue
		case errors.Is(err, errOvertaken):
			held = append(held, answers...)
			continue
		case err != nil:
			return err
		}
		for _, answer := range append(answers, held...) {
			if err := s.Send(answer); err != nil {
				return err
			}
		}
		held = nil
	}
}

var (
	errDropped   = errors.New("dropped")   // of renew: there is no answer, and the stream goes on with the next
	errOvertaken = errors.New("overtaken") // of renew: the answer follows that to a later renewal
)

// after answers that TTL after a while.
func after(d time.Duration, ttl int64) func(context.Context, int64) (int64, error) {
	return func(parent context.Context, _ int64) (int64, error) {
		select {
		case <-time.After(d):
			return ttl, nil
		case <-parent.Done():
			return 0, parent.Err()
		}
	}
}

// forever never answers.
func forever(parent context.Context, _ int64) (int64, error) {
	<-parent.Done()
	return 0, parent.Err()
}

// fake opens a connection to fake members. It closes with the test.
func fake(t *testing.T, members ...*member) (*conn.Conn, ctx.Ctx) {
	t.Helper()
	return fakeWith(t, members)
}

func fakeWith(t *testing.T, members []*member, opts ...conn.Option) (*conn.Conn, ctx.Ctx) {
	t.Helper()
	c := fakemember.Open(t, members, opts...)
	return c, lease.New(c.Name())
}

// keep keeps a lease alive until the test ends.
func keep(t *testing.T, c ctx.Ctx, id int64) *lease.Keeper {
	t.Helper()
	k, err := lease.KeepAlive(context.Background(), c, id)
	if err != nil {
		t.Fatalf("KeepAlive(%d): %v", id, err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// ended tells whether a Keeper has ended, and checks that Done and Err agree.
func ended(t *testing.T, k *lease.Keeper) bool {
	t.Helper()
	select {
	case <-k.Done():
		return true
	default:
		if err := k.Err(); err != nil {
			t.Errorf("lease %d: Err is %v before Done is closed", k.ID(), err)
		}
		return false
	}
}

// kept returns how many leases Info counts at each endpoint that has any.
func kept(c *conn.Conn) map[string]int {
	counts := map[string]int{}
	for _, e := range c.Info() {
		if e.Leases != 0 {
			counts[e.Address] = e.Leases
		}
	}
	return counts
}
