// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/eetcd-go/eetcd/internal/member"
)

// listeners passes changes of state on to the user's listener, from a goroutine of its own: what that function does
// must not hold a reconnection up.
type listeners struct {
	conn   string // its name
	listen func(Endpoint)
	queue  chan member.Snapshot
	log    *slog.Logger
	busy   atomic.Bool // the listener is at work
}

const listenerQueue = 1024

func newListeners(conn string, o *options) *listeners {
	return &listeners{conn: conn, listen: o.listener, queue: make(chan member.Snapshot, listenerQueue), log: o.log}
}

func (n *listeners) tell(e member.Snapshot) {
	if n.listen == nil {
		return
	}
	select {
	case n.queue <- e:
	default:
		n.log.Warn("etcd state listener is too slow: change dropped",
			slog.String("connection", n.conn), slog.String("endpoint", e.Address), slog.String("state", e.State.String()))
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
			n.listen(endpointOf(n.conn, e))
			n.busy.Store(false)
		}
	}
}
