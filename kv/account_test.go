// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/kv"
)

// scripted is a member that answers a transaction of puts as its script says.
type scripted struct {
	*fakemember.Member
	pb.UnimplementedKVServer

	script func(first string) error // by the first key of a transaction

	mu       sync.Mutex
	revision int64
	asked    map[string]int // transactions, by their first key
	busy     map[string]bool
	clashes  []string // keys of two transactions at a time
}

func newScripted(t *testing.T, script func(first string) error) *scripted {
	m := &scripted{Member: fakemember.New(t, "a"), script: script, asked: map[string]int{}, busy: map[string]bool{}}
	m.Serve(m)
	return m
}

func (m *scripted) open(t *testing.T) kv.Request {
	return kv.New(fakemember.Open(t, []*scripted{m}).Name()).WithTimeout(time.Hour)
}

func (m *scripted) write(keys []string) (*pb.ResponseHeader, error) {
	m.mu.Lock()
	m.asked[keys[0]]++
	for _, key := range keys {
		if m.busy[key] {
			m.clashes = append(m.clashes, key)
		}
		m.busy[key] = true
	}
	m.mu.Unlock()
	err := m.script(keys[0])
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		m.busy[key] = false
	}
	m.revision++
	return &pb.ResponseHeader{Revision: m.revision}, err
}

func (m *scripted) Put(_ context.Context, r *pb.PutRequest) (*pb.PutResponse, error) {
	header, err := m.write([]string{string(r.GetKey())})
	return &pb.PutResponse{Header: header}, err
}

func (m *scripted) Txn(_ context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	var keys []string
	for _, o := range r.GetSuccess() {
		keys = append(keys, string(o.GetRequestPut().GetKey()))
	}
	header, err := m.write(keys)
	return &pb.TxnResponse{Header: header, Succeeded: true}, err
}

func (m *scripted) count(key string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[key]
}

func (m *scripted) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, times := range m.asked {
		n += times
	}
	return n
}

// place is the key of a pair of a sequence.
func place(i int) string { return fmt.Sprintf("%06d", i) }

func places(from, to int) (keys []string) {
	for i := from; i < to; i++ {
		keys = append(keys, place(i))
	}
	return keys
}

var (
	errLost    = status.Error(codes.Unavailable, "the answer is lost")
	errRefused = status.Error(codes.NotFound, etcderr.ErrLeaseNotFound.Error())
)

// TestPutManyAccountsForTransactionsInAnyOrderOfTheirEnds has four transactions of 128 pairs under way, after ten that succeed. They
// end in an order of the case, in which the last one to end is the first one that was sent.
func TestPutManyAccountsForTransactionsInAnyOrderOfTheirEnds(t *testing.T) {
	t.Parallel()
	const n, before = 128, 10 * 128
	for name, c := range map[string]struct {
		ends       [4]error // of the transactions
		written    int      // besides those before
		unknown    int
		notWritten int
		outcome    error
	}{
		"all written but the last":     {[4]error{nil, nil, nil, errRefused}, 3 * n, 0, n, errRefused},
		"the second one unknown":       {[4]error{nil, errLost, nil, errRefused}, n, 2 * n, n, errLost},
		"the first one refused":        {[4]error{errRefused, nil, nil, nil}, 0, 4 * n, 0, errRefused},
		"all refused":                  {[4]error{errRefused, errRefused, errRefused, errRefused}, 0, 0, 4 * n, errRefused},
		"all unknown":                  {[4]error{errLost, errLost, errLost, errLost}, 0, 4 * n, 0, errLost},
		"refused, then one unknown":    {[4]error{nil, errRefused, errLost, errRefused}, n, 2 * n, n, errRefused},
		"one written after a refusal":  {[4]error{errRefused, errRefused, nil, errRefused}, 0, 3 * n, n, errRefused},
		"the last one unknown":         {[4]error{nil, nil, nil, errLost}, 3 * n, n, 0, errLost},
		"unknown, and nothing written": {[4]error{errLost, errRefused, errRefused, errRefused}, 0, n, 3 * n, errLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var arrived sync.WaitGroup
			arrived.Add(4)
			turns := [5]chan struct{}{}
			for i := range turns {
				turns[i] = make(chan struct{})
			}
			close(turns[4])
			m := newScripted(t, func(first string) error {
				i := slices.Index(places(before, before+4*n), first)
				if i < 0 {
					return nil
				}
				i /= n
				arrived.Done()
				arrived.Wait() // all four are under way
				<-turns[i+1]
				defer close(turns[i])
				return c.ends[i]
			})
			_, err := kv.PutMany(t.Context(), m.open(t), func(yield func(string, string) bool) {
				for i := range before + 4*n {
					if !yield(place(i), "v") {
						t.Error("PutMany stops before all four are under way")
						return
					}
				}
			})
			wantPartial(t, err, before+c.written, c.unknown, c.notWritten)
			if want := status.Convert(c.outcome).Message(); status.Convert(errors.Unwrap(err)).Message() != want {
				t.Errorf("%v, want %s", err, want)
			}
			for i := range 4 {
				if times := m.count(place(before + i*n)); times != 1 {
					t.Errorf("transaction %d was sent %d times", i, times)
				}
			}
		})
	}
}

func TestPutManyNeverHasAKeyInTwoTransactionsAtATime(t *testing.T) {
	t.Parallel()
	m := newScripted(t, func(string) error {
		time.Sleep(time.Millisecond) // two at a time would meet
		return nil
	})
	const n = 3000
	written, err := kv.PutMany(t.Context(), m.open(t), func(yield func(string, string) bool) {
		for i := range n {
			if !yield(place(i%(37+i/100)), "v") {
				return
			}
		}
	})
	if err != nil || written.Pairs != n || written.Revisions != m.total() {
		t.Errorf("%+v, %v in %d transactions", written, err, m.total())
	}
	if len(m.clashes) > 0 {
		t.Errorf("keys in two transactions: %q", m.clashes)
	}
}

// TestPutManyEndsWhatIsUnderWayBeforeAPanicPasses has the member hold the first transaction until the sequence panics.
func TestPutManyEndsWhatIsUnderWayBeforeAPanicPasses(t *testing.T) {
	t.Parallel()
	arrived, panics := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	m := newScripted(t, func(string) error {
		close(arrived)
		<-panics
		time.Sleep(20 * time.Millisecond) // long enough for a panic that does not wait
		ended.Store(true)
		return nil
	})
	defer func() {
		if p := recover(); p != "of the sequence" || !ended.Load() {
			t.Errorf("recovered %v; the transaction had ended: %t", p, ended.Load())
		}
	}()
	_, _ = kv.PutMany(t.Context(), m.open(t), func(yield func(string, string) bool) {
		defer close(panics)
		for i := range 129 {
			yield(place(i), "v")
		}
		<-arrived
		panic("of the sequence")
	})
}

func TestPutManySendsNothingAfterAFailure(t *testing.T) {
	t.Parallel()
	m := newScripted(t, func(string) error { return errRefused })
	taken := 0
	_, err := kv.PutMany(t.Context(), m.open(t), func(yield func(string, string) bool) {
		for yield(place(taken), "v") {
			taken++
		}
	})
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrLeaseNotFound)
	wantPartial(t, err, 0, 0, taken+1)
	if m.total() != 1 {
		t.Errorf("%d transactions were sent", m.total())
	}
}
