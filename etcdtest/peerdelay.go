// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// DelayPeers delays every byte between m and the other members by d, in each direction, without limiting the
// throughput. So m lags behind the leader by d. The delay grows by one second per second, so the leader's heartbeats
// keep arriving and m does not call an election. The next DelayPeers of m replaces the delay. A smaller delay holds at
// once, and 0 turns it off. It needs [WithProxy], and lasts over a restart of m.
func (c *Cluster) DelayPeers(m *Member, d time.Duration) {
	switch {
	case m == nil || m.cluster != c:
		c.fail(errors.New("DelayPeers: not a member of the cluster"))
	case c.peers == nil:
		m.failed("DelayPeers", errNoProxy)
	default:
		c.peers.delay(m, d)
	}
}

// peerDelay is the delay of a member's bytes, and since when it has been growing.
type peerDelay struct {
	full  time.Duration
	from  time.Duration
	since time.Time
}

func (d peerDelay) at(t time.Time) time.Duration { return min(d.full, d.from+max(0, t.Sub(d.since))) }

func (n *peerNetwork) delay(m *Member, full time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	n.delays[m] = peerDelay{full: full, from: n.delays[m].at(now), since: now}
	close(n.changed)
	n.changed = make(chan struct{})
}

// due returns when bytes of a flow arrive that were sent at a time. It holds until changed is closed.
func (n *peerNetwork) due(f *peerFlow, sent time.Time) (at time.Time, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f.from == f.to {
		return sent, n.changed
	}
	return sent.Add(n.delays[f.from].at(sent) + n.delays[f.to].at(sent)), n.changed
}

// delayed is the body of a request or response under way. What has been read waits in an unbounded queue, so that many
// bytes are under way together.
type delayed struct {
	io.ReadCloser
	network *peerNetwork
	flow    *peerFlow

	mu     sync.Mutex
	chunks []chunk
	more   chan struct{} // has a value when there may be a chunk
}

// delayBody delays a body as its flow demands.
func (n *peerNetwork) delayBody(f *peerFlow, body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		return body
	}
	d := &delayed{ReadCloser: body, network: n, flow: f, more: make(chan struct{}, 1)}
	n.bodies.Go(d.fetch)
	return d
}

func (d *delayed) fetch() {
	buf := make([]byte, chunkSize)
	for {
		n, err := d.ReadCloser.Read(buf)
		d.mu.Lock()
		d.chunks = append(d.chunks, chunk{data: bytes.Clone(buf[:n]), err: err, at: time.Now()})
		d.mu.Unlock()
		select {
		case d.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (d *delayed) Read(p []byte) (int, error) {
	for {
		d.mu.Lock()
		var first chunk
		there := len(d.chunks) > 0
		if there {
			first = d.chunks[0]
		}
		d.mu.Unlock()
		var late <-chan time.Time
		var changed <-chan struct{}
		if there {
			var at time.Time
			at, changed = d.network.due(d.flow, first.at)
			wait := time.Until(at)
			if wait <= 0 {
				return d.take(p)
			}
			late = time.After(wait)
		}
		select {
		case <-late:
		case <-changed:
		case <-d.more:
		case <-d.flow.life.Done():
			return 0, d.flow.life.Err()
		}
	}
}

// take returns the first bytes in the queue. The end stays in it, to be read again.
func (d *delayed) take(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := &d.chunks[0]
	n := copy(p, first.data)
	first.data = first.data[n:]
	if len(first.data) > 0 {
		return n, nil
	}
	if first.err == nil {
		d.chunks = d.chunks[1:]
	}
	return n, first.err
}
