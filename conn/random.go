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
// fails. It pauses only after every endpoint has failed in turn. verdict hears nil when one is connected, and an error
// when all have failed.
func (c *Conn) keepOne(life context.Context, verdict func(error)) {
	pause := c.opts.pause()
	order := append([]*endpoint(nil), c.endpoints...)
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
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
