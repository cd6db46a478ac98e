// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/eetcd-go/eetcd/etcderr"
)

// markPrefix begins the keys on which removals leave their IDs.
const markPrefix = "removed/"

// event is one change of one key, from the cluster's own history.
type event struct {
	rev   int64
	key   string
	value string // "" of a deletion
}

// version is what a key held from a revision on.
type version struct {
	rev   int64
	value string
}

// record is the cluster's history, arranged for questions.
type record struct {
	last     int64                // revision
	versions map[string][]version // of each key, oldest first
	applied  map[string][]event   // by the ID that was written
}

func newRecord(events []event, last int64) record {
	r := record{last: last, versions: map[string][]version{}, applied: map[string][]event{}}
	for _, e := range events {
		r.versions[e.key] = append(r.versions[e.key], version{e.rev, e.value})
		if e.value != "" {
			r.applied[e.value] = append(r.applied[e.value], e)
		}
	}
	return r
}

// at returns what a key held at a revision.
func (r record) at(key string, rev int64) version {
	versions := r.versions[key]
	n, _ := slices.BinarySearchFunc(versions, rev+1, func(v version, rev int64) int { return cmp.Compare(v.rev, rev) })
	if n == 0 {
		return version{}
	}
	return versions[n-1]
}

// audit compares the operations' responses with the cluster's history, and returns every contradiction.
func (r record) audit(history []operation) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	known := map[string]bool{}
	for _, o := range history {
		if o.sees() {
			v := r.at(o.key, o.rev)
			if v.value != o.value || (v.value != "" && v.rev != o.mod) {
				fault("%v, revision of the value %d: the key held %q of revision %d", o, o.mod, v.value, v.rev)
			}
		}
		if o.kind == get {
			continue
		}
		if known[o.id] {
			fault("%v: the ID is not unique", o)
		}
		known[o.id] = true
		applied := r.applied[o.id]
		switch {
		case len(applied) > 1:
			fault("%v: applied %d times: %v", o, len(applied), applied)
		case o.writes() && len(applied) == 0:
			fault("%v: never applied", o)
		case o.writes() && applied[0].rev != o.rev:
			fault("%v: applied at revision %d", o, applied[0].rev)
		case !o.writes() && o.outcome() != etcderr.Unknown && len(applied) > 0:
			fault("%v: applied all the same, at revision %d", o, applied[0].rev)
		}
		for _, e := range applied {
			fault := func(what string) { fault("%v: at revision %d it %s", o, e.rev, what) }
			before := r.at(o.key, e.rev-1).value
			if o.kind != put && before != o.want {
				fault(fmt.Sprintf("found %q", before))
			}
			if o.kind != remove && e.key != o.key || o.kind == remove && e.key != markPrefix+o.key {
				fault("wrote " + e.key)
			}
			if o.kind == remove && r.at(o.key, e.rev) != (version{rev: e.rev}) {
				fault("did not delete the key")
			}
		}
	}
	for id, events := range r.applied {
		if !known[id] {
			fault("nobody wrote %v", events)
		}
	}
	for key, versions := range r.versions {
		for _, v := range versions {
			if mark := r.at(markPrefix+key, v.rev); v.value == "" && mark.rev != v.rev {
				fault("nobody deleted %s at revision %d", key, v.rev)
			}
		}
	}
	faults = append(faults, r.anachronisms(history)...)
	slices.Sort(faults)
	return faults
}

// anachronisms returns the operations that took effect at a revision that somebody knew before they began. Revisions
// count the changes of all keys, so this compares keys with each other, while the search for an order takes them one by
// one.
func (r record) anachronisms(history []operation) []string {
	effects := r.effects(history)
	byEnd := slices.SortedFunc(slices.Values(effects), func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
	byStart := slices.SortedFunc(slices.Values(effects), func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var faults []string
	known := int64(0)
	for _, one := range byStart {
		for len(byEnd) > 0 && byEnd[0].Return < one.Call {
			known = max(known, byEnd[0].Input.(operation).rev)
			byEnd = byEnd[1:]
		}
		o := one.Input.(operation)
		if o.rev < known || (o.writes() && o.rev == known) {
			faults = append(faults, fmt.Sprintf("%v: revision %d was known before it began", o, known))
		}
	}
	return faults
}

// effects returns the operations that took effect, for the search for an order. The record decides about writes with an
// unknown outcome. Those without effect are left out, which makes the search short. Nobody knows when such a write took
// effect. It was over when somebody got its revision or a later one.
func (r record) effects(history []operation) []porcupine.Operation {
	told := slices.DeleteFunc(slices.Clone(history), func(o operation) bool { return o.err != nil })
	slices.SortFunc(told, func(a, b operation) int { return cmp.Compare(a.rev, b.rev) })
	// earliest[i] is when the first caller got the revision of told[i] or a later one.
	earliest := make([]time.Duration, len(told)+1)
	earliest[len(told)] = math.MaxInt64
	for i := len(told) - 1; i >= 0; i-- {
		earliest[i] = min(earliest[i+1], told[i].done)
	}
	var effects []porcupine.Operation
	for _, o := range history {
		if o.err != nil {
			applied := r.applied[o.id]
			if o.kind == get || len(applied) == 0 {
				continue
			}
			o.err, o.taken, o.rev = nil, true, applied[0].rev
			n, _ := slices.BinarySearchFunc(told, o.rev, func(o operation, rev int64) int { return cmp.Compare(o.rev, rev) })
			o.done = max(o.call, earliest[n])
		}
		effects = append(effects, porcupine.Operation{
			ClientId: o.client, Input: o, Call: int64(o.call), Return: int64(o.done),
		})
	}
	return effects
}

// tally counts the operations of a history by their outcome.
func tally(history []operation) string {
	counts := map[string]int{}
	for _, o := range history {
		result := o.outcome().String()
		if o.err == nil {
			result = "ok"
		}
		counts[fmt.Sprintf("%v %s", o.kind, result)]++
	}
	var lines []string
	for what, n := range counts {
		lines = append(lines, fmt.Sprintf("%s: %d", what, n))
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}
