// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	linkQueue = 64       // chunks under way in one direction
	chunkSize = 32 << 10 // bytes
)

// link is one connection through a proxy: the client's, and the proxy's to the member.
type link struct {
	proxy  *proxy
	client net.Conn

	life context.Context // ends with abort, and when the link is done
	end  context.CancelFunc

	active atomic.Int64 // when a byte went either way, in ns since 1970
	fate   atomic.Int32 // a fate

	mu     sync.Mutex
	member net.Conn // nil until dialled
}

// chunk is the result of one read, data or an end, with its time.
type chunk struct {
	data []byte
	err  error
	at   time.Time
}

func newLink(p *proxy, client net.Conn) *link {
	l := &link{proxy: p, client: client}
	l.life, l.end = context.WithCancel(context.Background())
	l.active.Store(time.Now().UnixNano())
	return l
}

// abort resets both connections, which ends every goroutine of the link.
func (l *link) abort() {
	l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	reset(l.client)
	if l.member != nil {
		reset(l.member)
	}
}

func (l *link) run() {
	defer l.end()
	if !l.pass(time.Time{}) { // no byte is under way yet that a delay could hold up
		return
	}
	var d net.Dialer
	member, err := d.DialContext(l.life, "tcp4", l.proxy.target)
	if err != nil {
		l.abort()
		return
	}
	l.mu.Lock()
	l.member = member
	l.mu.Unlock()
	if l.life.Err() != nil {
		reset(member) // abort may have come before there was a member to reset
		return
	}

	var flows sync.WaitGroup
	flows.Go(func() { l.flow(member, l.client, &l.proxy.received) })
	flows.Go(func() { l.flow(l.client, member, &l.proxy.sent) })
	var watch sync.WaitGroup
	watch.Go(l.watchIdle)
	flows.Wait()
	l.end()
	watch.Wait()
	_ = l.client.Close()
	_ = member.Close()
}

// flow carries one direction to its end, and counts the bytes. A queue between its two sides keeps several chunks under
// way, so a delay adds latency but does not limit the throughput.
func (l *link) flow(dst, src net.Conn, count *atomic.Int64) {
	chunks := make(chan chunk, linkQueue)
	var reader sync.WaitGroup
	reader.Go(func() { l.read(chunks, src) })
	defer reader.Wait()
	for c := range chunks {
		if !l.pass(c.at) {
			return
		}
		if l.doomed(src == l.client, c.err) {
			continue
		}
		l.active.Store(time.Now().UnixNano())
		count.Add(int64(len(c.data))) // before whoever reads them can ask how many there were
		n, err := dst.Write(c.data)
		count.Add(int64(n - len(c.data)))
		if err != nil {
			l.abort()
			return
		}
		if c.err == nil {
			continue
		}
		tcp, ok := dst.(*net.TCPConn)
		if !ok || !errors.Is(c.err, io.EOF) || tcp.CloseWrite() != nil {
			l.abort()
		}
	}
}

func (l *link) read(chunks chan<- chunk, src net.Conn) {
	defer close(chunks)
	buf := make([]byte, chunkSize)
	for {
		n, err := src.Read(buf)
		c := chunk{data: bytes.Clone(buf[:n]), err: err, at: time.Now()}
		select {
		case chunks <- c:
		case <-l.life.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// pass waits until what was read at a time may go on, and reports whether it may.
func (l *link) pass(at time.Time) bool {
	for {
		faults, changed := l.proxy.state()
		wait := time.Until(at.Add(faults.delay))
		if wait <= 0 && !faults.blackhole {
			return l.life.Err() == nil
		}
		var due <-chan time.Time
		if !faults.blackhole {
			due = time.After(wait)
		}
		select {
		case <-due:
		case <-changed:
		case <-l.life.Done():
			return false
		}
	}
}
