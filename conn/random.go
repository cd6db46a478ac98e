// SPDX-License-Identifier: Apache-2.0

package conn

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// keepOne serves mode Random: it connects one endpoint, chosen at random, and moves on to the next when that one
// fails. It pauses only after every endpoint has failed in turn. verdict hears nil when one is connected, and an error
// when all have failed.
func (c *Conn) keepOne(life context.Context, verdict func(error)) {
	var set, order []*endpoint
	defer func() { dismissAll(set, nil) }()
	pace := c.newPace(c.hurried)
	for turn, failed := 0, 0; ; turn++ {
		if now := c.all(); !slices.Equal(now, set) { // at first, and after a sync
			dismissAll(set, nil)
			set, order, turn, failed = now, slices.Clone(now), 0, 0
			rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			if i := slices.Index(order, c.proven.Swap(nil)); i > 0 {
				order[0], order[i] = order[i], order[0]
			}
		}
		e := order[turn%len(order)]
		pace.attempt()
		l, err := e.connect()
		for err == nil {
			since := time.Now()
			e.activate(l)
			dismissAll(set, e)
			c.searching.Store(false)
			verdict(nil)
			err = e.attend(l)
			c.searching.Store(true)
			if l.useful(since) {
				failed, pace.flaps = 0, 0
				pace.backoff.Reset()
			}
			if !e.is(returning) || pace.flaps >= flapsMax && len(order) > 1 || !pace.redial(e.life, l, since) {
				break
			}
			pace.attempt()
			l, err = e.connect()
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
		c.searching.Store(false)
		wait := nextWait(pace.backoff)
		err = e.await(err, wait)
		verdict(err) // once Info has the reasons
		if !pace.rest(life, wait, func(at time.Time) {
			for _, other := range order {
				other.plan(at)
			}
		}) {
			return
		}
	}
}

// flapsMax is how many links in a row may be lost before they were of use, until another endpoint is tried.
const flapsMax = 8

// dismissAll lets go of what is aside, of all these endpoints but one.
func dismissAll(all []*endpoint, but *endpoint) {
	for _, e := range all {
		if e != but {
			e.dismiss()
		}
	}
}
