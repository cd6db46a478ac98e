// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"slices"
	"time"
)

// flights are the renewals that were sent and not answered on the open stream, in the order they were sent. A member answers in
// that order. etcd's gRPC proxy does not: it answers with the renewals of its own client, each when that one is due.
type flights struct {
	queue    []flight
	heard    time.Duration // when the last answer came, or the stream was opened
	patience time.Duration // for how long a member may answer nothing
	late     bool          // answers may come late and in any order
	reprieve reprieve      // the time that a silent member gets before it is blamed
	silences int           // how many streams in a row ended for a silence
}

type flight struct {
	lease *held
	at    time.Duration // when it was sent
}

// start begins with a new stream.
func (f *flights) start(now time.Duration, late bool) {
	f.queue, f.heard, f.late, f.reprieve = f.queue[:0], now, late, reprieve{}
}

func (f *flights) add(l *held, now time.Duration) {
	if len(f.queue) == 0 {
		f.patience = maxPatience
	}
	f.patience = min(f.patience, l.patience(false))
	f.queue = append(f.queue, flight{lease: l, at: now})
}

// take takes out the renewal that the answer for a lease belongs to.
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

// crowd is how many renewals must be unanswered before it is worth while to let answers collect.
const crowd = 16

// patient reports whether many answers are to come and none of them is late. Otherwise answers are read at once, so that a slow
// process does not take its own slowness for that of the member.
func (f *flights) patient(now time.Duration) bool {
	return len(f.queue) >= crowd && now-f.queue[0].at < f.patience/4
}

// overdue reports whether the member has been silent for too long. late is by how much the timer that asks was late.
func (f *flights) overdue(now, late time.Duration) bool {
	return f.limit() <= now && f.reprieve.over(now, late, f.patience)
}

// limit is when the member will have been silent for too long if nothing comes.
func (f *flights) limit() time.Duration {
	if len(f.queue) == 0 {
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

// soonest is the earliest time at which the member can have been silent for too long about the lease that was sent last.
func (f *flights) soonest() time.Duration {
	last := f.queue[len(f.queue)-1]
	return last.at + last.lease.patience(f.late)
}

// lengthened is a patience after several silences in a row.
func (f *flights) lengthened(patience time.Duration) time.Duration {
	return max(patience, min(patience<<min(f.silences, 8), silenceLimit))
}

// quietSince is since when the member has owed the next answer.
func (f *flights) quietSince() time.Duration {
	if first := f.queue[0]; f.late || first.at > f.heard {
		return first.at
	}
	return f.heard
}
