// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"slices"
	"time"
)

// flights are the renewals sent and not answered on the stream that is open, in the order they were sent. A member answers
// in that order. etcd's gRPC proxy does not: it answers with the renewals of its own client, each when that is due.
type flights struct {
	queue    []flight
	heard    time.Duration // when the last answer came, or the stream was opened
	patience time.Duration // for how long a member may answer nothing
	late     bool          // answers may come late and in any order
	reprieve reprieve      // before the silence is taken for the member's
	silent   *silence      // set when it has answered nothing for longer
	silences int           // in a row, this stream and those before it
}

type flight struct {
	lease *held
	at    time.Duration // when it was sent
}

// maxPatience is for how long a member may leave renewals unanswered before the stream moves to another. It is less
// where a lease with a TTL below 9 s waits: half the time between two of its renewals, so that another try can come in
// time. As long as none helps it doubles each time, up to silenceLimit, lest a slow cluster never get to answer.
const (
	maxPatience  = 1500 * time.Millisecond
	silenceLimit = 10 * time.Second
)

// proxyDelay is what a proxy adds: its client looks every half second for what is due.
const proxyDelay = 600 * time.Millisecond

func (l *held) patience(late bool) time.Duration {
	switch {
	case late && !l.renewed:
		return silenceLimit // another client's Keeper may set the pace of this lease
	case late:
		return time.Duration(l.ttl.Load())/6 + proxyDelay
	}

	if !l.renewed {
		return maxPatience
	}
	return min(time.Duration(l.ttl.Load())/6, maxPatience)
}

// start begins with a new stream.
func (f *flights) start(now time.Duration, late bool) {
	f.queue, f.heard, f.late, f.silent, f.reprieve = f.queue[:0], now, late, nil, reprieve{}
}

func (f *flights) add(l *held, now time.Duration) {
	if len(f.queue) == 0 {
		f.patience = maxPatience
	}
	f.patience = min(f.patience, l.patience(false))
	f.queue = append(f.queue, flight{lease: l, at: now})
}

// take takes out the renewal that an answer for a lease belongs to.
func (f *flights) take(id int64, now time.Duration) (answered flight, ok bool) {
	f.heard, f.silences = now, 0
	i := slices.IndexFunc(f.queue, func(sent flight) bool { return sent.lease.id == id })
	if i < 0 {
		return flight{}, false
	}
	if i == 0 {
		f.reprieve = reprieve{}
	} else {
		f.late = true
	}
	answered = f.queue[i]
	f.queue = slices.Delete(f.queue, i, i+1)
	return answered, true
}

// crowd is how many renewals have to be unanswered before it is worth while to leave answers alone for a moment.
const crowd = 16

// patient reports whether there are answers to come, and none that has been waited for for long: a process that is slow
// itself must not take its own slowness for the member's.
func (f *flights) patient(now time.Duration) bool {
	return len(f.queue) >= crowd && now-f.queue[0].at < f.patience/4
}

// overdue reports whether the member is silent for too long; late is the delay of the timer that asks.
func (f *flights) overdue(now, late time.Duration) bool {
	return f.limit() <= now && f.reprieve.over(now, late, f.patience)
}

// limit is when the member will have been silent for too long, if nothing comes.
func (f *flights) limit() time.Duration {
	if len(f.queue) == 0 || f.silent != nil {
		return never
	}
	limit := never
	if !f.late {
		limit = f.quietSince() + f.lengthened(f.patience)
	}
	for i := 0; f.late && i < len(f.queue); i++ {
		if sent := f.queue[i]; sent.lease.stage != gone {
			limit = min(limit, sent.at+f.lengthened(sent.lease.patience(true)))
		}
	}
	return max(limit, f.reprieve.until)
}

// soonest is when the member can have been silent for too long for the lease that was sent last.
func (f *flights) soonest() time.Duration {
	last := f.queue[len(f.queue)-1]
	return last.at + last.lease.patience(f.late)
}

// lengthened is a patience after some silences in a row.
func (f *flights) lengthened(patience time.Duration) time.Duration {
	return max(patience, min(patience<<min(f.silences, 8), silenceLimit))
}

// quietSince is when the member began to owe the answer that is to come next.
func (f *flights) quietSince() time.Duration {
	if first := f.queue[0]; f.late || first.at > f.heard {
		return first.at
	}
	return f.heard
}
