// SPDX-License-Identifier: Apache-2.0

package member

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/eetcd-go/eetcd/internal/wait"
)

// keeper looks after an endpoint. Its state belongs to the goroutine that is at work for it, of which there is one at most.
type keeper struct {
	connector
	told bool // whether the state listener has been told anything
	last bool // what it was told last: whether the endpoint is Active

	next  time.Time   // when the next check is due
	clock *time.Timer // wakes the keeper then

	// What follows is not used in mode Random.
	pace    *pace
	verdict func(error) // takes the result of each attempt to connect
	served  *Link       // in service, or has just left it; nil while the keeper reconnects the endpoint
	since   time.Time   // when it went into service
}

func newKeeper(e *Endpoint) *keeper { return &keeper{connector: connector{Endpoint: e}} }

// start begins to look after the endpoint, until it is retired. It passes the result of each attempt to verdict.
func (k *keeper) start(verdict func(error)) {
	k.pace, k.verdict = newPace(k.group.Config, k.group.rotation, k.hurried), verdict
	errand := wait.NewErrand(k.keep)
	k.wake = errand.Run
	k.group.Life.ForkAfter(k.life, func() {
		errand.Stop()
		k.finish()
	})
	errand.Run()
}

// keep connects the endpoint, looks after it and reconnects it. While the endpoint is Active and quiet there is nothing
// to do, so keep returns, and runs again when something wakes the keeper: the end of a link's service, a doubt, or
// the time of a check.
func (k *keeper) keep() {
	for k.life.Err() == nil {
		if k.served == nil {
			k.pace.attempt()
			l, err := k.connect()
			if err != nil {
				k.pause(err)
				continue
			}
			k.pace.reset()
			k.served, k.since = l, time.Now()
			k.serve(l)
			k.verdict(nil)
		}
		l := k.served
		if k.attend(l) {
			return
		}
		k.served = nil
		err := k.relieve(l)
		if !k.is(returning) || !k.pace.redial(k.life, l, k.since) {
			k.pause(err)
		}
	}
}

// pause reports that the endpoint is frozen because of err, and waits before the next attempt.
func (k *keeper) pause(err error) {
	if k.life.Err() != nil {
		return
	}
	d := k.pace.pause()
	k.verdict(k.await(err, d)) // once Info has the reason
	k.pace.rest(k.life, d, k.plan)
}

// finish lets go of a retired endpoint.
func (k *keeper) finish() {
	if k.served != nil {
		_ = k.relieve(k.served) // it left because the endpoint is retired
	}
	k.leave()
	k.verdict(context.Cause(k.life))
	k.dismiss()
}

// serve puts a new link into service.
func (k *keeper) serve(l *Link) {
	k.activate(l)
	k.next = time.Now().Add(k.group.CheckInterval)
	k.clock = time.AfterFunc(k.group.CheckInterval, k.wake)
	l.line.whenLost(func() { k.drain(l) })
	// The user's log handler comes last, since it may end this goroutine.
	if k.tell(true) {
		k.group.Log.Info("etcd endpoint active", k.logAttrs()...)
	} else {
		k.group.Log.Debug("etcd endpoint reconnected", k.logAttrs()...)
	}
}

// attend does what there is to do for a link in service. It reports whether the link is still in service.
func (k *keeper) attend(l *Link) bool {
	for l.InRotation() {
		due := k.due()
		if doubted := k.doubted.Swap(false); !doubted && !due {
			return true
		}
		err := k.examine(l)
		switch {
		case broke(err):
			k.drain(l)
		case err != nil && l.InRotation():
			k.freeze(l, err)
		}
	}
	return false
}

// due reports whether it is time for a check. If so, it sets the time for the next one.
func (k *keeper) due() bool {
	now := time.Now()
	if now.Before(k.next) {
		return false
	}
	k.next = now.Add(k.group.CheckInterval)
	k.clock.Reset(k.group.CheckInterval)
	return true
}

// relieve lets go of a link that has left service, and returns the reason.
func (k *keeper) relieve(l *Link) error {
	k.clock.Stop()
	k.group.rotation.remove(l, false) // nobody else removes it while the connection closes
	if !k.isAside(l) {
		k.discard(l)
	}
	return l.down()
}

// partOfAnswer is more bytes than a transport sends by itself for a member that may be dead.
const partOfAnswer = 16 << 10

// examine verifies a link in service. It must tell a slow member from a silent one: freezing slow members would leave
// an overloaded cluster without endpoints. A member passes if it answered calls meanwhile, or if it is sending a long
// answer, which may delay the answer to the check. It is asked a second time if it answered half of the check, or if
// its endpoint is the last one in service.
func (k *keeper) examine(l *Link) error {
	up, over := l.begin()
	defer over()
	for again := false; ; again = true {
		answers, received := l.answers.Load(), l.wire.received.Load()
		err := verify(up, l.transport, k.group.Config, k.group.ConnectTimeout)
		var check *checkError
		if !errors.As(err, &check) || !tooLate(err) || up.Err() != nil {
			return err
		}
		if l.answers.Load() != answers || l.wire.received.Load()-received >= partOfAnswer {
			return nil
		}
		last := !k.group.Random && k.group.rotation.only(l)
		if again || !last && check.check != leaderCheck {
			return err
		}
	}
}

// await records that an attempt failed with err, and that the next one comes after wait. It returns the reason that
// Info shows for the frozen endpoint.
func (k *keeper) await(err error, wait time.Duration) error {
	err = k.fail(err, wait)
	k.group.rotation.signal()
	level := slog.LevelDebug
	if k.tell(false) {
		level = slog.LevelWarn
	}
	k.group.Log.Log(context.Background(), level, "etcd endpoint frozen",
		append(k.logAttrs(), slog.Any("reason", err), slog.Duration("reconnect_in", wait))...)
	return err
}

// leave reports that the endpoint is retired, unless the connection is closing.
func (k *keeper) leave() {
	if k.group.Life.Err() != nil {
		return
	}
	k.retired()
	k.group.rotation.signal()
	k.tell(false)
	k.group.Log.Info("etcd endpoint retired", k.logAttrs()...)
}

// tell tells the state listener whether the endpoint is Active, if that has changed since the last time. It reports
// whether it did.
func (k *keeper) tell(active bool) bool {
	if k.told && k.last == active {
		return false
	}
	k.told, k.last = true, active
	snapshot := k.Snapshot()
	snapshot.Active = active // a freeze may have come in between; it is told next
	if active {
		snapshot.Err, snapshot.ReconnectIn = nil, 0
	}
	k.group.Tell(snapshot)
	return true
}
