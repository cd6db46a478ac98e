// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/gen/batchpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// server answers trips and single reads after some time.
type server struct {
	way    time.Duration
	refuse func(keys []string) error
	value  func(key string) string
	broken bool                // its answers to trips lack one
	silent func(trip int) bool // which trips get no answer for a minute
	memory memory

	mu     sync.Mutex
	trips  [][]string          // the keys of each
	riders [][]context.Context // of each
	ended  []error             // why contexts of trips ended that were not answered
	alone  []string            // keys that were read alone
}

func (s *server) send(
	parent context.Context, riders []context.Context, _ time.Time, _ Kind, r *batchpb.Reads, a *Answers, p *Progress,
) error {
	var keys []string
	for _, op := range r.GetSuccess() {
		body, ok := rangeOf(op)
		request := &pb.RangeRequest{}
		if !ok || proto.Unmarshal(body, request) != nil {
			return errors.New("the operation has another form")
		}
		keys = append(keys, string(request.GetKey()))
	}
	s.mu.Lock()
	way := s.way
	if s.silent != nil && s.silent(len(s.trips)) {
		way = time.Minute
	}
	s.trips = append(s.trips, keys)
	s.riders = append(s.riders, riders)
	s.mu.Unlock()
	p.Begins("a")
	select {
	case <-time.After(way):
	case <-parent.Done():
		s.mu.Lock()
		s.ended = append(s.ended, parent.Err())
		s.mu.Unlock()
		return parent.Err()
	}
	if s.refuse != nil {
		if err := s.refuse(keys); err != nil {
			return err
		}
	}
	all := &batchpb.Answers{Header: &pb.ResponseHeader{Revision: 7}, Succeeded: true}
	for _, key := range keys {
		body, err := proto.Marshal(&pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: []byte(key), Value: []byte(s.valueOf(key))}}, Count: 1})
		if err != nil {
			return err
		}
		all.Responses = append(all.Responses, protowire.AppendBytes(protowire.AppendVarint(nil, rangeTag), body))
	}
	if s.broken {
		all.Responses = all.Responses[1:]
	}
	return s.memory.receive(all, a)
}

// memory is that of a transport, which fills it with other things as soon as it has it back.
type memory struct{ lent atomic.Int64 }

func (*memory) Get(length int) *[]byte {
	data := make([]byte, length)
	return &data
}

func (m *memory) Put(data *[]byte) {
	for i := range *data {
		(*data)[i] = 0xee
	}
	m.lent.Add(-1)
}

// receive decodes the answers of a trip from this memory.
func (m *memory) receive(all *batchpb.Answers, a *Answers) error {
	data, err := proto.MarshalOptions{}.MarshalAppend(make([]byte, 0, 4<<10), all) // gRPC does not count smaller buffers
	if err != nil {
		return err
	}
	m.lent.Add(1)
	whole := mem.BufferSlice{mem.NewBuffer(&data, m)}
	defer whole.Free()
	return NewCodec().Unmarshal(whole, a)
}

func (s *server) valueOf(key string) string {
	if s.value != nil {
		return s.value(key)
	}
	return "value of " + key
}

func (s *server) batches() *Batches { return New(s.config()) }

// ended is the life of a connection that has been closed.
var ended = func() context.Context {
	life, end := context.WithCancel(context.Background())
	end()
	return life
}()

func (s *server) config() Config {
	return Config{Send: s.send, Private: true, Go: func(f func(context.Context)) error {
		go f(ended) // so that no goroutine rests beyond the end of its test
		return nil
	}}
}

// get reads a key as package call does.
func (s *server) get(parent context.Context, b *Batches, key string, limit time.Duration) error {
	request := Read{Key: key}
	reply, _, err := b.Get(parent, time.Now().Add(limit), request, nil)
	if reply == nil && err == nil {
		s.mu.Lock()
		s.alone = append(s.alone, key)
		s.mu.Unlock()
		time.Sleep(s.way)
		if s.refuse != nil {
			err = s.refuse([]string{key})
		}
		if err == nil {
			reply = &pb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: []byte(key), Value: []byte(s.valueOf(key))}}}
		}
		b.Back(request, reply, s.way, err)
		return err
	}
	switch {
	case err != nil:
		return err
	case len(reply.GetKvs()) != 1 || string(reply.GetKvs()[0].GetValue()) != s.valueOf(key) || reply.GetHeader().GetRevision() != 7:
		return fmt.Errorf("%s: %v", key, reply)
	}
	return nil
}

// together makes reads at the same moment, in the order of the keys, and waits for them.
func (s *server) together(t *testing.T, b *Batches, keys ...string) {
	t.Helper()
	var reading sync.WaitGroup
	for _, key := range keys {
		reading.Go(func() {
			if err := s.get(t.Context(), b, key, time.Minute); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		})
		synctest.Wait()
	}
	reading.Wait()
	synctest.Wait() // the last trip is over, so that a lone read goes alone
}

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("k", i)
	}
	return all
}

func (s *server) want(t *testing.T, alone int, trips ...int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []int
	for _, trip := range s.trips {
		got = append(got, len(trip))
	}
	if len(s.alone) != alone || fmt.Sprint(got) != fmt.Sprint(trips) {
		t.Errorf("%d reads went alone, and trips had %v operations; want %d and %v", len(s.alone), got, alone, trips)
	}
	s.alone, s.trips = nil, nil
}
