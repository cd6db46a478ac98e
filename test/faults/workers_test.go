// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

const (
	keyCount    = 5
	workerCount = 12
	workPause   = 15 * time.Millisecond // of each worker between two operations, on average
	workTimeout = 2 * time.Second       // of most operations, so that a silent member costs few of them
	haste       = 20 * time.Millisecond // of the deadline of a few, which pass while the request is under way
	noLease     = 1                     // a lease that there is not
)

func keyOf(n int) string { return fmt.Sprintf("register/%d", n) }

// workers make a history: they read and write the same few keys, one operation at a time each.
type workers struct {
	conn    *conn.Conn
	start   time.Time
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	done []operation
}

// startWorkers draws the seed of each worker from pick. Readers only read, all of them at the same times.
func startWorkers(c *conn.Conn, pick *rand.Rand, readers int) *workers {
	w := &workers{conn: c, start: time.Now()}
	life, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	for i := range workerCount {
		choose := rand.New(rand.NewPCG(pick.Uint64(), 0))
		w.running.Go(func() { w.work(life, i, choose) })
	}
	for i := range readers {
		choose := rand.New(rand.NewPCG(pick.Uint64(), 0))
		w.running.Go(func() { w.read(life, workerCount+i, choose) })
	}
	return w
}

// stop lets the operations under way end, and returns the whole history. It may be called more than once.
func (w *workers) stop() []operation {
	w.cancel()
	w.running.Wait()
	return w.since(0)
}

// now returns the time since the start of the history.
func (w *workers) now() time.Duration { return time.Since(w.start) }

// since returns the operations that began after a time and have ended.
func (w *workers) since(from time.Duration) []operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.done), func(o operation) bool { return o.call < from })
}

func (w *workers) work(life context.Context, client int, choose *rand.Rand) {
	held := map[string]string{} // what each key held, by this worker's last news of it
	for n := 0; life.Err() == nil; n++ {
		o := operation{client: client, key: keyOf(choose.IntN(keyCount)), id: fmt.Sprintf("%d-%d", client, n)}
		o.want = held[o.key]
		switch p := choose.IntN(100); {
		case p < 45:
			o.kind = get
		case p < 75:
			o.kind = put
		case p < 90 || o.want == "":
			o.kind = swap
		default:
			o.kind = remove
		}
		base := kv.New(w.conn.Name())
		switch choose.IntN(16) {
		case 0: // the default
		case 1:
			base = base.WithTimeout(time.Millisecond + time.Duration(choose.Int64N(int64(haste))))
		default:
			base = base.WithTimeout(workTimeout)
		}
		if choose.IntN(8) == 0 { // to one member, whatever its state
			endpoints := w.conn.Info()
			base = base.WithEndpoint(endpoints[choose.IntN(len(endpoints))].Address)
		}
		o.refused = o.kind == put && choose.IntN(16) == 0
		o.call = w.now()
		o.carryOut(base)
		o.done = w.now()
		switch {
		case o.sees():
			held[o.key] = o.value
		case o.writes() && o.kind == remove:
			held[o.key] = ""
		case o.writes():
			held[o.key] = o.id
		}
		w.mu.Lock()
		w.done = append(w.done, o)
		w.mu.Unlock()
		select {
		case <-life.Done():
		case <-time.After(workPause/2 + time.Duration(choose.Int64N(int64(workPause)))):
		}
	}
}

// read reads one of the keys whenever the other readers do.
func (w *workers) read(life context.Context, client int, choose *rand.Rand) {
	for inStep(life, w.start, readStep) {
		o := operation{client: client, kind: get, key: keyOf(choose.IntN(keyCount)), call: w.now()}
		o.carryOut(kv.New(w.conn.Name()).WithTimeout(workTimeout))
		o.done = w.now()
		w.mu.Lock()
		w.done = append(w.done, o)
		w.mu.Unlock()
	}
}

// carryOut sends the request and records the response.
func (o *operation) carryOut(base ctx.Ctx) {
	parent := context.Background()
	switch o.kind {
	case get:
		r, err := kv.Get(parent, base.WithKey(o.key))
		o.err, o.rev = err, r.GetHeader().GetRevision()
		o.see(r.GetKvs())
	case put:
		request := base.WithKey(o.key).WithValue(o.id)
		if o.refused {
			request = request.WithLease(noLease)
		}
		r, err := kv.Put(parent, request)
		o.err, o.rev = err, r.GetHeader().GetRevision()
	case swap:
		o.commit(base, op.Put(kv.Key(o.key).WithValue(o.id)))
	case remove:
		o.commit(base, op.Delete(kv.Key(o.key)), op.Put(kv.Key(markPrefix+o.key).WithValue(o.id)))
	}
}

// commit applies the operations if the key has the wanted value, and otherwise reads it.
func (o *operation) commit(base ctx.Ctx, ops ...op.Op) {
	guard := compare.Missing(o.key)
	if o.want != "" {
		guard = compare.New(o.key).Value(compare.Equal, o.want)
	}
	r, err := kv.Txn(context.Background(), base, op.If(guard).Then(ops...).Else(op.Get(kv.Key(o.key))))
	o.err, o.rev, o.taken = err, r.GetHeader().GetRevision(), r.GetSucceeded()
	if err == nil && !o.taken {
		o.see(r.GetResponses()[0].GetResponseRange().GetKvs())
	}
}

func (o *operation) see(pairs []*mvccpb.KeyValue) {
	if len(pairs) > 0 {
		o.value, o.mod = string(pairs[0].GetValue()), pairs[0].GetModRevision()
	}
}

// recordOf reads the history of the whole cluster from its first revision on, by a watch.
func recordOf(t *testing.T, c *conn.Conn) record {
	t.Helper()
	parent, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	now, err := kv.Get(parent, kv.New(c.Name()).WithKey(keyOf(0)))
	if err != nil {
		t.Fatalf("read the last revision: %v", err)
	}
	last := now.GetHeader().GetRevision()
	stream, err := pb.NewWatchClient(c).Watch(parent)
	if err != nil {
		t.Fatalf("watch: %v", err)
	}
	all := &pb.WatchRequest_CreateRequest{CreateRequest: &pb.WatchCreateRequest{
		Key: []byte{0}, RangeEnd: []byte{0}, StartRevision: 1,
	}}
	if err := stream.Send(&pb.WatchRequest{RequestUnion: all}); err != nil {
		t.Fatalf("watch: %v", err)
	}
	var events []event
	for rev := int64(1); rev < last; {
		r, err := stream.Recv()
		if err == nil && r.GetCanceled() {
			err = errors.New(r.GetCancelReason())
		}
		if err != nil {
			t.Fatalf("the watch ended at revision %d of %d: %v", rev, last, err)
		}
		for _, e := range r.GetEvents() {
			rev = e.GetKv().GetModRevision()
			events = append(events, event{rev, string(e.GetKv().GetKey()), string(e.GetKv().GetValue())})
		}
	}
	return newRecord(events, last)
}
