// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/eetcd-go/eetcd/internal/engine"
)

// line is the stream in use, and what earlier ones have taught about the endpoints. The guard's lock guards it.
type line struct {
	stream  engine.Stream // nil between two streams
	leaving error         // why this side leaves the stream; nil while it is in use
	flights flights
	down    error         // why there is no stream, where no endpoint is Active
	avoid   string        // an endpoint that fell silent; it is avoided until another one has answered
	left    time.Duration // when that endpoint was left
	late    string        // an endpoint that answers late, as a proxy does
	prefer  string        // the endpoint that the next stream goes to; "" for any
}

// start puts a new stream into use.
func (n *line) start(stream engine.Stream, now time.Duration) {
	n.stream, n.leaving, n.down = stream, nil, nil
	if stream.Endpoint() == n.avoid && now-n.left > lookTimeout {
		n.avoid = "" // its member may have been away
	}
	n.flights.start(now, n.late == stream.Endpoint())
}

// open reports whether there is a stream that this side does not leave.
func (n *line) open() bool { return n.stream != nil && n.leaving == nil }

// fellSilent leaves the stream because its member answers nothing.
func (n *line) fellSilent(now time.Duration) {
	n.avoid, n.left = n.stream.Endpoint(), now
	n.leaving = &silence{endpoint: n.avoid, lasted: now - n.flights.quietSince()}
	n.flights.silences++
}

// move leaves the stream for one to the endpoint of the leader. It reports false where it may not.
func (n *line) move(leader string) bool {
	if leader == n.avoid || !n.open() {
		return false
	}
	n.prefer, n.leaving = leader, errMoving
	return true
}

// answered takes the renewal that an answer belongs to. It reports false where there is none.
func (n *line) answered(id int64, now time.Duration) (flight, bool) {
	f, ok := n.flights.take(id, now)
	if !ok {
		return f, false
	}
	if n.avoid == n.stream.Endpoint() {
		n.flights.late = true // it was left for its silence and is there all the same, so it answers late
	}
	if n.flights.late {
		n.late = n.stream.Endpoint()
	}
	n.avoid = ""
	return f, true
}

// elsewhere returns the endpoint to which a stream is to move that was opened to another one; "" where it may stay. It moves to
// the leader where move asked for that. It moves away from an endpoint that fell silent, which may well be Active: it freezes
// only if it does not answer health checks either.
func (n *line) elsewhere(endpoint string, active []string) string {
	if prefer := n.prefer; prefer != "" {
		n.prefer = ""
		if prefer == endpoint {
			return ""
		}
		return prefer
	}
	if endpoint != n.avoid {
		return ""
	}
	others := slices.DeleteFunc(active, func(other string) bool { return other == endpoint })
	if len(others) == 0 {
		return ""
	}
	return others[rand.IntN(len(others))]
}
