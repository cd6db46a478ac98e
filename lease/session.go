// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/internal/wait"
)

// A follower asks the leader about each renewal, one after the other, and so manages about two thousand a second. The leader
// answers by itself. So a stream with at least many leases moves to the leader, which is looked for now and then.
const (
	many      = 500
	firstLook = time.Second
	nextLook  = 10 * time.Second
	// hop is how long the opening of a stream to another endpoint may keep the leases waiting. They have a stream already.
	hop = 300 * time.Millisecond
)

// On a follower each answer takes a while, and to wake up a goroutine for it costs more than to read it. So where an answer
// took longer than prompt, the next ones collect for a moment. With little CPU every answer takes that long, so this pause must
// do no harm: it ends when a renewal is due that cannot be sent, or that a caller waits for.
const (
	prompt     = 100 * time.Microsecond
	collecting = 10 * time.Millisecond
)

// session is the work of a renewer. One goroutine opens streams and receives. The clock, what sends, and what looks for the leader
// have goroutines only while they have something to do.
type session struct{ *renewer }

// run keeps the leases alive until none is left.
func (r session) run(life context.Context) {
	defer context.AfterFunc(life, func() { r.end(context.Cause(life)) })()
	clock := wait.NewErrand(r.tend)
	r.wind(time.AfterFunc(never, clock.Run))
	stream := r.place.stream(r.conn)
	stream.Served = r.served
	r.giveUp(stream.Run(r.life, r.serve, r.broken))
	clock.Stop()
	r.wind(nil)
}

// tend does what is due when the clock wakes it up.
func (r session) tend() {
	if r.life.Err() != nil {
		return
	}
	if _, silent := r.tick(); silent != nil {
		silent.Doubt()
		silent.Abort()
	}
}

// serve renews leases over one stream until it breaks.
func (r session) serve(ctx context.Context, stream engine.Stream) error {
	if endpoint := r.moveFrom(stream.Endpoint()); endpoint != "" {
		to := place{endpoint: endpoint, pinned: true}.stream(r.conn)
		to.Timeout = hop
		if other, err := to.Open(ctx); err == nil {
			stream.Abort()
			stream = other
		}
	}
	sender := wait.NewErrand(func() { r.send(stream) })
	r.use(stream, sender)
	serving, stop := context.WithCancel(ctx)
	stopSeeking := wait.Repeat(firstLook, func() time.Duration { return r.seek(serving, stream) })
	err := r.receive(stream)
	stop()
	stream.Abort() // so that the sender does not wait for a member that takes nothing
	stopSeeking()
	sender.Stop()
	if errors.Is(err, io.EOF) {
		err = errEnded
	}
	return r.stopped(err)
}

// moveFrom returns the endpoint to which a stream is to move that was opened to another one; "" where it may stay.
func (r session) moveFrom(endpoint string) string {
	if r.place.pinned {
		return ""
	}
	r.lock()
	defer r.unlock()
	return r.elsewhere(endpoint, r.conn.Active())
}

// send sends the renewals that can be sent.
func (r session) send(stream engine.Stream) {
	for id, any := r.next(); any; id, any = r.next() {
		if stream.SendMsg(&pb.LeaseKeepAliveRequest{ID: id}) != nil {
			return // receive gets the reason from RecvMsg
		}
	}
}

// receive takes answers until the stream ends.
func (r session) receive(stream engine.Stream) error {
	answer := new(pb.LeaseKeepAliveResponse)
	for {
		asked := time.Now()
		if err := stream.RecvMsg(answer); err != nil {
			return err
		}
		waited := time.Since(asked)
		if !r.answered(answer) || waited < prompt {
			continue
		}
		select {
		case <-time.After(collecting):
		case <-r.rush:
		}
	}
}

// seek moves the stream to the leader's endpoint if it has many leases and is not there. It returns when to look again.
func (r session) seek(ctx context.Context, stream engine.Stream) (next time.Duration) {
	if ctx.Err() == nil && !r.place.pinned && r.hasMany() {
		if leader := leaderOf(ctx, r.conn); leader != "" && leader != stream.Endpoint() && r.moveTo(leader) {
			stream.Abort()
		}
	}
	return nextLook/2 + rand.N(nextLook)
}

func (r session) hasMany() bool {
	r.lock()
	defer r.unlock()
	return r.kept >= many
}

// moveTo has the next stream go to the leader, unless the leader is to be avoided.
func (r session) moveTo(leader string) bool {
	r.lock()
	defer r.unlock()
	return r.move(leader)
}
