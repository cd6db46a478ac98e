// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"math/rand/v2"
	"time"
)

// settled is how long a link must have lasted for its loss to start the search for another endpoint afresh.
const settled = time.Second

// keepOne serves mode Random: it connects one endpoint, chosen at random, and moves on to the next when that one
// fails. It pauses only after every endpoint has failed in turn. The first verdict goes to first: nil once one is
// connected, an error once all have failed.
func (c *Conn) keepOne(life context.Context, first chan<- error) {
	pause := c.opts.pause()
	order := append([]*endpoint(nil), c.endpoints...)
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	verdict := func(err error) {
		if first != nil {
			first <- err
			first = nil
		}
	}
	for turn, failed := 0, 0; ; turn++ {
		e := order[turn%len(order)]
		l, err := e.connect(life)
		if err == nil {
			since := time.Now()
			e.activate(l)
			verdict(nil)
			err = e.attend(life, l)
			if time.Since(since) >= settled {
				failed = 0
				pause.Reset()
			}
		}
		if life.Err() != nil {
			verdict(err)
			return
		}
		failed++
		if failed%len(order) != 0 {
			e.await(err, 0)
			continue
		}
		verdict(err)
		wait := nextWait(pause)
		e.await(err, wait)
		for _, other := range order {
			other.mu.Lock()
			other.retryAt = time.Now().Add(wait)
			other.mu.Unlock()
		}
		if !sleep(life, wait) {
			return
		}
	}
}
