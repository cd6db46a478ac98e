// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// keepOne serves mode Random. It connects one of the present endpoints, chosen at random, and moves on to the next
// when that one fails. After a change of the endpoints it begins with the preferred one, if any. It pauses only after
// every endpoint has failed in turn. It calls verdict with nil when one is connected, and with an error when all have
// failed.
func keepOne(g *group, now func() []*Endpoint, preferred func() *Endpoint, verdict func(error)) {
	var life context.Context = g.Life
	var set []*Endpoint
	var keepers, order []*keeper
	defer func() { dismissAll(keepers, nil) }()
	pace := newPace(g.Config, g.rotation, g.hurried)
	for turn, failed := 0, 0; ; turn++ {
		if all := now(); !slices.Equal(all, set) { // at first, and after a sync
			dismissAll(keepers, nil)
			set, keepers, turn, failed = all, keepersOf(all, keepers), 0, 0
			order = slices.Clone(keepers)
			rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			first := preferred()
			if i := slices.IndexFunc(order, func(k *keeper) bool { return k.Endpoint == first }); i > 0 {
				order[0], order[i] = order[i], order[0]
			}
		}
		k := order[turn%len(order)]
		pace.attempt()
		l, err := k.connect()
		for err == nil {
			since := time.Now()
			k.serve(l)
			dismissAll(keepers, k)
			g.searching.Store(false)
			verdict(nil)
			err = stay(k, l)
			g.searching.Store(true)
			if l.useful(since) {
				failed, pace.flaps = 0, 0
				pace.reset()
			}
			if !k.is(returning) || pace.flaps >= flapsMax && len(order) > 1 || !pace.redial(k.life, l, since) {
				break
			}
			pace.attempt()
			l, err = k.connect()
		}
		if life.Err() != nil {
			verdict(err)
			return
		}
		if k.life.Err() != nil {
			k.leave()
			continue
		}
		failed++
		if failed%len(order) != 0 {
			k.await(err, 0)
			continue
		}
		g.searching.Store(false)
		wait := pace.pause()
		err = k.await(err, wait)
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

// stay looks after a link in service until it leaves the rotation, and returns the reason.
func stay(k *keeper, l *Link) error {
	up, over := l.begin()
	defer over()
	for k.attend(l) {
		select {
		case <-k.group.woken:
		case <-up.Done():
		}
	}
	return k.relieve(l)
}

// flapsMax is how many links in a row may be lost before they were of use. Then another endpoint is tried.
const flapsMax = 8

// keepersOf returns a keeper for each endpoint. It reuses those that exist.
func keepersOf(all []*Endpoint, before []*keeper) []*keeper {
	var keepers []*keeper
	for _, e := range all {
		i := slices.IndexFunc(before, func(k *keeper) bool { return k.Endpoint == e })
		if i >= 0 {
			keepers = append(keepers, before[i])
		} else {
			keepers = append(keepers, newKeeper(e))
		}
	}
	return keepers
}

// dismissAll discards the links that are aside on all endpoints but one.
func dismissAll(all []*keeper, but *keeper) {
	for _, k := range all {
		if k != but {
			k.dismiss()
		}
	}
}
