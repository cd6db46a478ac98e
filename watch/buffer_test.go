// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

func newBuffer(limit int) *buffer {
	b := &buffer{}
	b.init(limit)
	return b
}

// numbered is a response that carries its number.
func numbered(n int64) *pb.WatchResponse {
	return &pb.WatchResponse{Events: []*mvccpb.Event{{Kv: &mvccpb.KeyValue{ModRevision: n}}}}
}

func TestBufferHoldsUpToItsLimitButAlwaysOneResponse(t *testing.T) {
	b := newBuffer(100)
	if !b.push(numbered(1), 1000) {
		t.Error("an empty buffer has no room for a response above its limit")
	}
	if b.push(numbered(2), 1) {
		t.Error("a full one takes another")
	}
	if _, room := b.pop(); !room {
		t.Error("an emptied buffer does not report room")
	}
	for n := range int64(10) {
		if !b.push(numbered(n), 10) {
			t.Errorf("no room for response %d", n)
		}
	}
	if b.push(numbered(10), 1) {
		t.Error("a full one takes another")
	}
	if b.push(numbered(11), 0) {
		t.Error("a response is accepted after one that was rejected: that is a gap")
	}
	told := 0
	for n := range int64(10) {
		r, room := b.pop()
		if revisionOf(r) != n {
			t.Errorf("response %d is %d", n, revisionOf(r))
		}
		if room {
			told++
			if b.bytes > b.limit/2 {
				t.Errorf("the buffer reports room while %d bytes of %d are in use", b.bytes, b.limit)
			}
		}
	}
	if told != 1 {
		t.Errorf("the buffer reported room %d times", told)
	}
}

func TestBufferKeepsOrderAndCount(t *testing.T) {
	for seed := range uint64(50) {
		pick := rand.New(rand.NewPCG(seed, 2))
		b := newBuffer(1 + pick.IntN(2000))
		var pushed, popped int64
		inside, starved := 0, false
		sizes := map[int64]int{}
		for range 2000 {
			if bytes := 1 + pick.IntN(100); pick.IntN(2) == 0 {
				if b.push(numbered(pushed), bytes) {
					if starved {
						t.Fatalf("seed %d: a push succeeds while the watch waits for room", seed)
					}
					sizes[pushed] = bytes
					inside += bytes
					pushed++
				} else {
					starved = true
				}
			} else if popped < pushed {
				r, room := b.pop()
				if revisionOf(r) != popped || room && !starved {
					t.Fatalf("seed %d: popped %d as number %d, room %v", seed, revisionOf(r), popped, room)
				}
				starved = starved && !room
				inside -= sizes[popped]
				popped++
			}
			if b.bytes != inside || inside > max(b.limit, b.limit/roomShare+100) {
				t.Fatalf("seed %d: %d bytes, want %d of %d", seed, b.bytes, inside, b.limit)
			}
		}
		for ; popped < pushed; popped++ {
			if r, _ := b.pop(); revisionOf(r) != popped {
				t.Fatalf("seed %d: popped %d as number %d", seed, revisionOf(r), popped)
			}
		}
		if starved && b.starved {
			t.Fatalf("seed %d: empty, and the watch still waits for room", seed)
		}
	}
}

func TestBufferFreesItsMemoryAfterABacklog(t *testing.T) {
	b := newBuffer(1 << 30)
	const n = 100_000
	for i := range int64(n) {
		b.push(numbered(i), 1)
	}
	for range n {
		b.pop()
	}
	if c := cap(b.queue); c > 64 {
		t.Errorf("an empty buffer keeps room for %d responses", c)
	}
	// Neither do responses stay that have been read while others wait.
	freed := make(chan bool, 1)
	first := numbered(1)
	runtime.AddCleanup(first, func(c chan bool) { c <- true }, freed)
	b.push(first, 1)
	first = nil
	b.push(numbered(2), 1)
	b.pop()
	runtime.GC()
	<-freed
	b.pop()
}

func TestBufferReturnsUnreadEventsToTheNextReader(t *testing.T) {
	b := newBuffer(1 << 20)
	r := &pb.WatchResponse{Header: &pb.ResponseHeader{Revision: 9}, WatchId: 3}
	for n := range int64(5) {
		r.Events = append(r.Events, &mvccpb.Event{Kv: &mvccpb.KeyValue{ModRevision: n}})
	}
	b.push(r, sizeOf(r))
	b.push(numbered(5), 1)
	got, _ := b.pop()
	b.putBack(got, 2)
	got, _ = b.pop()
	if len(got.Events) != 3 || got.Events[0].Kv.ModRevision != 2 || got.Header.Revision != 9 || got.WatchId != 3 {
		t.Errorf("got %v", got)
	}
	b.putBack(got, 3) // nothing
	if got, _ = b.pop(); revisionOf(got) != 5 {
		t.Errorf("then %v", got)
	}
	if b.bytes != 0 {
		t.Errorf("%d bytes in an empty buffer", b.bytes)
	}
	b.close(true)
	b.putBack(r, 1)
	if got, _ = b.pop(); got != nil {
		t.Errorf("a dropped buffer has %v", got)
	}
}

func TestClosedBufferDeliversItsResponsesOrDropsThem(t *testing.T) {
	for _, drop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBuffer(1)
			b.push(numbered(1), 1)
			b.close(drop)
			if !b.push(numbered(2), 100) {
				t.Error("the end of the buffer is reported as a lack of room")
			}
			if r, _ := b.pop(); (r == nil) != drop {
				t.Errorf("dropped: %v; popped %v", drop, r)
			}
			if r, _ := b.pop(); r != nil {
				t.Errorf("after the end: %v", r)
			}
			b.close(true) // again

			waiting := newBuffer(1)
			go func() {
				synctest.Wait()
				waiting.close(drop)
			}()
			if r, _ := waiting.pop(); r != nil {
				t.Errorf("a reader that waits at the end gets %v", r)
			}
		})
	}
}

func TestSizeOfAResponseIsCloseToItsMemory(t *testing.T) {
	const n = 2000
	for _, tt := range []struct{ key, value, events int }{{10, 100, 1}, {10, 100, 100}, {10, 0, 10}, {30, 10_000, 3}} {
		keep := make([]*pb.WatchResponse, n)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		counted := 0
		for i := range keep {
			r := &pb.WatchResponse{Header: &pb.ResponseHeader{}}
			for range tt.events {
				r.Events = append(r.Events, &mvccpb.Event{Kv: &mvccpb.KeyValue{
					Key: append([]byte{}, make([]byte, tt.key)...), Value: append([]byte{}, make([]byte, tt.value)...),
				}})
			}
			keep[i] = r
			counted += sizeOf(r)
			if i*tt.events*tt.value > 50<<20 {
				break
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		taken := int(after.HeapAlloc - before.HeapAlloc)
		if counted < taken*9/10 || counted > taken*12/10 {
			t.Errorf("%+v: counted %d bytes, taken %d", tt, counted, taken)
		}
		runtime.KeepAlive(keep)
	}
}

// After Done of a closed watch is closed, a reader must get no more events.
func TestEventsAreDroppedBeforeDoneIsClosed(t *testing.T) {
	w := newWatcher(nil, &pb.WatchCreateRequest{}, 100)
	w.buffer.push(numbered(1), 1)
	w.buffer.mu.Lock() // as if the end were interrupted just before it drops
	go w.end(errClosed, true)
	select {
	case <-w.Done():
		t.Error("Done comes first")
	case <-time.After(50 * time.Millisecond):
	}
	w.buffer.mu.Unlock()
	<-w.Done()
	if r, _ := w.buffer.pop(); r != nil {
		t.Error("a response is read after Done")
	}
}
