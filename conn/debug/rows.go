// SPDX-License-Identifier: Apache-2.0

package debug

import (
	"fmt"
	"time"
)

// row is one thing on the page.
type row struct {
	Level  level
	State  string // in a word or two
	Title  string
	Facts  []string
	Reason string // why it is in trouble
}

// level says how much attention something needs. Its value is its class in the style.
type level string

const (
	bad  level = "bad"  // it does not work
	warn level = "warn" // it works, but may not for long
	busy level = "busy" // it waits, as it should
	good level = "good"
)

// urgency orders levels, the worst first.
func (l level) urgency() int {
	switch l {
	case bad:
		return 0
	case warn:
		return 1
	case busy:
		return 2
	default:
		return 3
	}
}

// facts collects what is not empty.
type facts []string

func (f *facts) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

func (f *facts) addIf(applies bool, format string, args ...any) {
	if applies {
		f.add(format, args...)
	}
}

// pager makes rows of what a document has.
type pager struct{ now time.Time }

func (p pager) since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "for " + span(p.now.Sub(t))
}

func (p pager) endpoint(e endpoint) row {
	r := row{Level: good, State: e.State, Title: e.Address, Reason: e.Reason}
	var f facts
	f.add("%s", p.since(e.Since))
	f.addIf(e.Leader, "leader")
	f.addIf(e.Learner, "learner")
	f.addIf(e.Version != "", "etcd %s", e.Version)
	switch {
	case e.State == "Frozen":
		r.Level = bad
		if e.ReconnectIn > 0 {
			f.add("reconnects in %s", span(of(e.ReconnectIn)))
		} else {
			f.add("reconnects now")
		}
	case e.Redialled:
		r.Level = warn
		f.add("its transport was lost and is redialled")
	}
	f.addIf(e.Watches > 0, "%s", count(e.Watches, "watch", "watches"))
	f.addIf(e.Leases > 0, "%s", count(e.Leases, "lease", "leases"))
	r.Facts = f
	return r
}

// Of a buffer that is filled by more than one part in lagging, the page says that its reader lags.
const lagging = 4

func (p pager) watch(w watch) row {
	r := row{Level: good, State: "in step", Title: w.Keys.text(), Reason: w.Reason}
	switch {
	case w.Parked:
		r.Level, r.State = warn, "parked"
	case !w.InStep && w.Reason == "":
		r.Level, r.State = busy, "being created"
	case !w.InStep:
		r.Level, r.State = bad, "not in step"
	case w.Waiting > w.Buffer/lagging:
		r.Level, r.State = warn, "lagging"
		r.Reason = "its reader is slower than the events"
	}
	f := facts{p.since(w.Since)}
	f.add("ID %d", w.ID)
	f.addIf(w.Endpoint != "", "on %s", w.Endpoint)
	if w.Waiting > 0 {
		f.add("%s of %s wait for its reader", size(w.Waiting), size(w.Buffer))
	}
	if w.Waiting > 0 && w.Read < w.Revision {
		f.add("read up to revision %d, received up to %d", w.Read, w.Revision)
	} else {
		f.addIf(w.Revision > 0, "revision %d", w.Revision)
	}
	r.Facts = f
	return r
}

func (p pager) lease(l lease) row {
	r := row{Level: busy, State: "not renewed yet", Title: l.ID, Reason: l.Reason}
	var f facts
	if l.Margin != nil {
		margin := span(of(*l.Margin))
		r.Level, r.State = marginLevel(*l.Margin, l.TTL), margin+" left"
		f.add("valid for %s of %s", margin, span(of(l.TTL)))
		f.add("renewed %s ago", span(p.now.Sub(l.Renewed)))
	}
	f.addIf(l.Endpoint != "", "on %s", l.Endpoint)
	f.addIf(l.Endpoint == "", "on no endpoint")
	f.addIf(l.Keepers > 1, "%d keepers", l.Keepers)
	r.Facts = f
	return r
}

// marginLevel says how a lease is that is renewed after each third of its TTL.
func marginLevel(margin, ttl float64) level {
	switch {
	case margin < ttl/4:
		return bad
	case margin < ttl/2:
		return warn
	default:
		return good
	}
}

func (p pager) claim(c claim) row {
	r := row{Level: busy, State: c.State, Title: c.Name}
	if c.State == "held" {
		r.Level = good
	}
	f := facts{c.Kind, p.since(c.Since)}
	if w := c.WaitsFor; w != nil {
		key := w.Key
		if w.Revision > 0 {
			key += fmt.Sprintf(" (created at revision %d)", w.Revision)
		}
		if w.Keys > 1 {
			f.add("waits for one of %d keys, such as %s", w.Keys, key)
		} else {
			f.add("waits for %s", key)
		}
	}
	f.addIf(c.Lease != "", "lease %s", c.Lease)
	f.addIf(c.Revision > 0, "its key is of revision %d", c.Revision)
	r.Facts = f
	return r
}

func (p pager) table(t table) row {
	r := row{Level: good, State: "in step", Title: t.Keys.text(), Reason: t.Reason}
	if !t.InStep {
		r.Level, r.State = bad, "not in step"
	}
	f := facts{p.since(t.Since)}
	f.add("%s", count(t.Entries, "key", "keys"))
	f.add("revision %d", t.Revision)
	f.addIf(t.Resyncs > 0, "listed again %s", count(t.Resyncs, "time", "times"))
	if t.Undecoded > 0 {
		f.add("%s not decode", count(t.Undecoded, "value does", "values do"))
		if r.Level == good {
			r.Level = warn
		}
	}
	r.Facts = f
	return r
}

func (p pager) presence(c presence) row {
	r := row{Level: busy, State: c.State, Title: c.Key, Reason: c.Reason}
	switch c.State {
	case "present":
		r.Level = good
	case "absent":
		r.Level = bad
	}
	f := facts{p.since(c.Since)}
	f.addIf(c.Lease != "", "lease %s", c.Lease)
	f.addIf(c.Revision > 0, "revision %d", c.Revision)
	r.Facts = f
	return r
}
