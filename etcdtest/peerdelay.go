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

// DelayPeers adds d to the way of every byte between m and the other members, in each direction, without making the way
// narrower, so that m lags behind the leader by what is written in that time. The delay grows to d by a second each
// second, and so the leader's heartbeats keep coming: m takes it for the leader all the while. The next DelayPeers of m
// replaces it at once where it is less, and 0 takes it away. It needs [WithProxy], and lasts over a restart of m.
func (c *Cluster) DelayPeers(m *Member, d time.Duration) {
	switch {
	case m == nil || m.cluster != c:
		c.fail(errors.New("DelayPeers of what is no member of the cluster"))
	case c.peers == nil:
		m.failed("DelayPeers", errNoProxy)
	default:
		c.peers.delay(m, d)
	}
}

// peerDelay is how long bytes from and to a member take, and since when it has been growing.
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

// due returns when bytes of a flow arrive that were sent at a time, as things are until changed is closed.
func (n *peerNetwork) due(f *peerFlow, sent time.Time) (at time.Time, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f.from == f.to {
		return sent, n.changed
	}
	return sent.Add(n.delays[f.from].at(sent) + n.delays[f.to].at(sent)), n.changed
}

// delayed is the body of a request or response on its way. What has been read waits in a queue without a bound, so that
// bytes are under way together.
type delayed struct {
	io.ReadCloser
	network *peerNetwork
	flow    *peerFlow

	mu     sync.Mutex
	chunks []chunk
	more   chan struct{} // has a value when there may be a chunk
}

// delayBody has a body take as long as the flow that it is part of.
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

// take returns the first of what there is. The end stays, to be read again.
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
