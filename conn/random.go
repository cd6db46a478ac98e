// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// settled is how long a link must have lasted for its loss to start the search for another endpoint afresh.
const settled = time.Second

// keepOne serves mode Random: it connects one endpoint, chosen at random, and moves on to the next when that one
// fails. It pauses only after every endpoint has failed in turn. verdict hears nil when one is connected, and an error
// when all have failed.
func (c *Conn) keepOne(life context.Context, verdict func(error)) {
	pause := c.opts.pause()
	var set, order []*endpoint
	for turn, failed := 0, 0; ; turn++ {
		if now := c.all(); !slices.Equal(now, set) { // at first, and after a sync
			set, order, failed = now, slices.Clone(now), 0
			rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		e := order[turn%len(order)]
		l, err := e.connect(e.life)
		if err == nil {
			since := time.Now()
			e.activate(l)
			verdict(nil)
			err = e.attend(e.life, l)
			if time.Since(since) >= settled {
				failed = 0
				pause.Reset()
			}
		}
		if life.Err() != nil {
			verdict(err)
			return
		}
		if e.life.Err() != nil {
			e.retired()
			continue
		}
		failed++
		if failed%len(order) != 0 {
			e.await(err, 0)
			continue
		}
		wait := nextWait(pause)
		e.await(err, wait)
		for _, other := range order {
			other.mu.Lock()
			other.retryAt = time.Now().Add(wait)
			other.mu.Unlock()
		}
		verdict(err) // once Info has the reasons
		if !sleep(life, wait) {
			return
		}
	}
}
