// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"sync"
	"unsafe"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
)

// DefaultBuffer is how many bytes of events a watch holds for its reader unless WithBuffer sets another number: 4 MiB.
const DefaultBuffer = 4 << 20

// buffer holds the responses that wait for the reader of a watch, up to a limit of memory.
type buffer struct {
	limit   int
	dropped chan struct{} // closed when the responses are dropped
	freed   chan struct{} // holds a signal that a response was taken; nil until something waits for one

	mu      sync.Mutex
	filled  *sync.Cond
	queue   []entry
	head    int // of the queue
	bytes   int
	starved bool // a response found no room, so the watch waits for room
	closed  bool
}

// roomShare says when a buffer has room again: at most one part in roomShare is still filled. The watch is created again then,
// for which the server searches its history. So it is worth waiting until most of the buffer is free.
const roomShare = 8

type entry struct {
	response *pb.WatchResponse
	bytes    int
}

func (b *buffer) init(limit int) {
	b.limit = limit
	b.dropped = make(chan struct{})
	b.filled = sync.NewCond(&b.mu)
}

// push adds a response, and reports whether there was room. A buffer that is nearly empty has room for any response.
func (b *buffer) push(r *pb.WatchResponse, bytes int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return true // nobody will read it
	case !b.fitsLocked(bytes):
		return false
	}
	b.addLocked(r, bytes)
	return true
}

func (b *buffer) addLocked(r *pb.WatchResponse, bytes int) {
	b.queue = append(b.queue, entry{r, bytes})
	b.bytes += bytes
	b.filled.Signal()
}

// add adds a response even if there is no room, and reports whether the buffer is full then.
func (b *buffer) add(r *pb.WatchResponse, bytes int) (full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.addLocked(r, bytes)
	return b.bytes >= b.limit
}

// starve reports whether the buffer is full. If so, it notes that the watch waits for room.
func (b *buffer) starve() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.bytes < b.limit {
		return false
	}
	b.starved = true
	return true
}

// full reports whether the buffer is full.
func (b *buffer) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.closed && b.bytes >= b.limit
}

// waiting returns how many bytes wait for the reader.
func (b *buffer) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes
}

// low reports whether the reader has taken nearly everything.
func (b *buffer) low() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes <= b.limit/roomShare
}

// await waits until the buffer is no longer full, or parent ends.
func (b *buffer) await(parent context.Context) {
	for freed := b.whenFreed(); freed != nil && parent.Err() == nil; freed = b.whenFreed() {
		select {
		case <-freed:
		case <-parent.Done():
		}
	}
}

// whenFreed returns the channel of freed if the buffer is full, and nil otherwise.
func (b *buffer) whenFreed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.bytes < b.limit {
		return nil
	}
	if b.freed == nil {
		b.freed = make(chan struct{}, 1)
	}
	return b.freed
}

// fits reports whether there is room for that many bytes. If not, it notes that the watch waits for room.
func (b *buffer) fits(bytes int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed || b.fitsLocked(bytes)
}

func (b *buffer) fitsLocked(bytes int) bool {
	if b.bytes > b.limit/roomShare && b.bytes+bytes > b.limit {
		b.starved = true
	}
	return !b.starved
}

// pop waits for the next response. It returns nil at the end. room is true if the watch waited for room and has it now.
func (b *buffer) pop() (r *pb.WatchResponse, room bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.head == len(b.queue) {
		if b.closed {
			return nil, false
		}
		b.filled.Wait()
	}
	next := b.queue[b.head]
	b.queue[b.head] = entry{}
	b.head++
	switch {
	case b.head == len(b.queue):
		b.queue, b.head = b.queue[:0], 0
		if cap(b.queue) > 64 && b.bytes == next.bytes {
			b.queue = nil // release the memory of a backlog
		}
	case b.head >= 32 && b.head*2 >= len(b.queue):
		n := copy(b.queue, b.queue[b.head:])
		clear(b.queue[n:])
		b.queue, b.head = b.queue[:n], 0
	}
	b.bytes -= next.bytes
	b.free()
	if b.starved && b.bytes <= b.limit/roomShare {
		b.starved, room = false, true
	}
	return next.response, room
}

// putBack puts the events of a response, from the i-th on, back at the front.
func (b *buffer) putBack(r *pb.WatchResponse, i int) {
	if i == len(r.Events) {
		return
	}
	rest := &pb.WatchResponse{Header: r.Header, WatchId: r.WatchId, Fragment: r.Fragment, Events: r.Events[i:]}
	bytes := sizeOf(rest)
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.dropped:
		return
	default:
	}
	b.queue = append([]entry{{rest, bytes}}, b.queue[b.head:]...)
	b.head = 0
	b.bytes += bytes
}

func (b *buffer) free() {
	select {
	case b.freed <- struct{}{}:
	default:
	}
}

// close ends the buffer after the responses in it or, with drop, at once.
func (b *buffer) close(drop bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if drop {
		b.queue, b.head, b.bytes = nil, 0, 0
		select {
		case <-b.dropped:
		default:
			close(b.dropped)
		}
	}
	b.filled.Broadcast()
	b.free()
}

const (
	responseSize = int(unsafe.Sizeof(pb.WatchResponse{}) + unsafe.Sizeof(pb.ResponseHeader{}))
	eventSize    = int(unsafe.Sizeof(mvccpb.Event{}) + unsafe.Sizeof((*mvccpb.Event)(nil)))
	pairSize     = int(unsafe.Sizeof(mvccpb.KeyValue{}))
)

// sizeOf estimates the memory that a response takes. That is several times its size on the wire.
func sizeOf(r *pb.WatchResponse) int {
	return responseSize + bytesOf(r.Events)
}

func bytesOf(events []*mvccpb.Event) int {
	bytes := 0
	for _, e := range events {
		bytes += eventSize + pairBytes(e.Kv) + pairBytes(e.PrevKv)
	}
	return bytes
}

func pairBytes(p *mvccpb.KeyValue) int {
	if p == nil {
		return 0
	}
	return pairSize + cap(p.Key) + cap(p.Value)
}
