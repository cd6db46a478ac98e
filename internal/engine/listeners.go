// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/eetcd-go/eetcd/internal/member"
)

// listeners passes changes of state to the user's listener on a separate goroutine, so that the listener does not
// delay a reconnection.
type listeners struct {
	conn   string // its name
	listen func(conn string, s member.Snapshot)
	queue  chan member.Snapshot
	log    *slog.Logger
	busy   atomic.Bool // the listener is at work
}

const listenerQueue = 1024

func newListeners(conn string, c *Config) *listeners {
	n := &listeners{conn: conn, listen: c.Listener, log: c.Log}
	if n.listen != nil { // the queue takes 70 kB
		n.queue = make(chan member.Snapshot, listenerQueue)
	}
	return n
}

func (n *listeners) tell(e member.Snapshot) {
	if n.listen == nil {
		return
	}
	select {
	case n.queue <- e:
	default:
		state := "Frozen"
		if e.Active {
			state = "Active"
		}
		n.log.Warn("etcd state listener is too slow: change dropped",
			slog.String("connection", n.conn), slog.String("endpoint", e.Address), slog.String("state", state))
	}
}

// run calls the listener until life ends.
func (n *listeners) run(life context.Context) {
	if n.listen == nil {
		return
	}
	for {
		select {
		case <-life.Done():
			return
		case e := <-n.queue:
			n.busy.Store(true)
			n.listen(n.conn, e)
			n.busy.Store(false)
		}
	}
}
