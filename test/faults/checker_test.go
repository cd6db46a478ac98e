// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
)

// failed is the error of a call that failed with an outcome.
func failed(t *testing.T, want etcderr.Outcome) error {
	t.Helper()
	call := etcderr.Call{Method: "/etcdserverpb.KV/Put", Sent: want != etcderr.NotSent, Cause: context.DeadlineExceeded}
	code := codes.Unavailable
	if want == etcderr.Rejected {
		code = codes.InvalidArgument
	}
	err := etcderr.FromRPC(status.Error(code, "made up"), call)
	if got := etcderr.OutcomeOf(err); got != want {
		t.Fatalf("the outcome is %v, want %v", got, want)
	}
	return err
}

// told is a history of one key in which each operation began when the one before it had ended.
func told(operations ...operation) []operation {
	for i := range operations {
		o := &operations[i]
		o.key = "k"
		o.call = time.Duration(10 * i)
		o.done = o.call + 5
	}
	return operations
}

func TestCheckerAcceptsLinearizableHistories(t *testing.T) {
	unknown := failed(t, etcderr.Unknown)
	history := told(
		operation{kind: get, rev: 1},
		operation{kind: put, id: "a", rev: 2},
		operation{kind: get, rev: 2, value: "a", mod: 2},
		operation{kind: put, id: "late", err: unknown}, // takes effect during the read after the next
		operation{kind: swap, id: "b", want: "a", taken: true, rev: 3},
		operation{kind: get, rev: 4, value: "late", mod: 4},
		operation{kind: put, id: "never", err: unknown},
		operation{kind: put, id: "refused", err: failed(t, etcderr.Rejected)},
		operation{kind: put, id: "kept", err: failed(t, etcderr.NotSent)},
		operation{kind: swap, id: "c", want: "b", rev: 4, value: "late", mod: 4},
		operation{kind: remove, id: "d", want: "late", taken: true, rev: 5},
		operation{kind: get, rev: 5},
	)
	r := newRecord([]event{
		{2, "k", "a"}, {3, "k", "b"}, {4, "k", "late"}, {5, "k", ""}, {5, markPrefix + "k", "d"},
	}, 5)
	if faults := r.audit(history); len(faults) > 0 {
		t.Errorf("the audit finds %q", faults)
	}
	if result, _ := linearizable(r.effects(history)); result != porcupine.Ok {
		t.Errorf("the search says %v", result)
	}
}

func TestCheckerRefusesOtherHistories(t *testing.T) {
	// The responses alone must reveal these, because the record agrees with them.
	for name, history := range map[string][]operation{
		"stale read": told(
			operation{kind: put, id: "a", rev: 2},
			operation{kind: put, id: "b", rev: 3},
			operation{kind: get, rev: 2, value: "a", mod: 2},
		),
		"lost write": told(
			operation{kind: put, id: "a", rev: 2},
			operation{kind: get, rev: 2},
		),
		"read of what was never written": told(
			operation{kind: get, rev: 2, value: "a", mod: 2},
		),
		"read that goes back": told(
			operation{kind: put, id: "a", rev: 2},
			operation{kind: put, id: "b", err: failed(t, etcderr.Unknown)},
			operation{kind: get, rev: 3, value: "b", mod: 3},
			operation{kind: get, rev: 2, value: "a", mod: 2},
		),
		"two swaps of one value": told(
			operation{kind: put, id: "a", rev: 2},
			operation{kind: swap, id: "b", want: "a", taken: true, rev: 3},
			operation{kind: swap, id: "c", want: "a", taken: true, rev: 4},
		),
		"swap refused without reason": told(
			operation{kind: put, id: "a", rev: 2},
			operation{kind: swap, id: "b", want: "a", rev: 2, value: "a", mod: 2},
		),
		"value after its removal": told(
			operation{kind: put, id: "a", rev: 2},
			operation{kind: remove, id: "b", want: "a", taken: true, rev: 3},
			operation{kind: get, rev: 2, value: "a", mod: 2},
		),
	} {
		r := newRecord([]event{{2, "k", "a"}, {3, "k", "b"}}, 3)
		if result, _ := linearizable(r.effects(history)); result != porcupine.Illegal {
			t.Errorf("%s: the search says %v", name, result)
		}
	}
}

func TestAuditDetectsEachContradiction(t *testing.T) {
	wrote := []event{{2, "k", "a"}}
	removed := append(wrote, event{3, "k", ""}, event{3, markPrefix + "k", "b"})
	first := operation{kind: put, id: "a", rev: 2}
	for _, tt := range []struct {
		name    string
		history []operation
		events  []event
		want    string
	}{
		{"applied twice", told(first), append(wrote, event{3, "k", "a"}), "applied 2 times"},
		{"unknown applied twice", told(operation{kind: put, id: "a", err: failed(t, etcderr.Unknown)}),
			append(wrote, event{3, "k", "a"}), "applied 2 times"},
		{"not sent", told(operation{kind: put, id: "a", err: failed(t, etcderr.NotSent)}), wrote, "applied all the same"},
		{"rejected", told(operation{kind: put, id: "a", err: failed(t, etcderr.Rejected)}), wrote, "applied all the same"},
		{"lost", told(first), nil, "never applied"},
		{"another revision", told(first), []event{{3, "k", "a"}}, "applied at revision 3"},
		{"another key", told(first), []event{{2, "x", "a"}}, "it wrote x"},
		{"a stranger", told(first), append(wrote, event{3, "k", "b"}), "nobody wrote"},
		{"a deletion by nobody", told(first), append(wrote, event{3, "k", ""}), "nobody deleted k at revision 3"},
		{"wrong value", told(first, operation{kind: get, rev: 2, value: "b", mod: 2}), wrote, `held "a"`},
		{"wrong revision of the value", told(first, operation{kind: get, rev: 2, value: "a", mod: 1}), wrote, `held "a"`},
		{"value missed", told(first, operation{kind: get, rev: 2}), wrote, `held "a"`},
		{"swap not taken but applied", told(first, operation{kind: swap, id: "b", want: "x", rev: 2, value: "a", mod: 2}),
			append(wrote, event{3, "k", "b"}), "applied all the same"},
		{"swap of another value", told(first, operation{kind: swap, id: "b", want: "x", taken: true, rev: 3}),
			append(wrote, event{3, "k", "b"}), `it found "a"`},
		{"half a removal", told(first, operation{kind: remove, id: "b", want: "a", taken: true, rev: 3}),
			append(wrote, event{3, markPrefix + "k", "b"}), "did not delete"},
		{"removal of another value", told(first, operation{kind: remove, id: "b", want: "x", taken: true, rev: 3}),
			removed, `it found "a"`},
		{"a revision from the past", told(first, operation{kind: get, rev: 1}), wrote, "revision 2 was known before"},
		{"a write before its time", told(operation{kind: get, rev: 2, value: "a", mod: 2}, first), wrote, "revision 2 was known before"},
		{"an unknown write before its time", told(operation{kind: get, rev: 2, value: "a", mod: 2},
			operation{kind: put, id: "a", err: failed(t, etcderr.Unknown)}), wrote, "revision 2 was known before"},
		{"one ID of two writes", told(first, first), wrote, "not unique"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			faults := newRecord(tt.events, 3).audit(tt.history)
			if !strings.Contains(strings.Join(faults, "\n"), tt.want) {
				t.Errorf("the audit finds %q, not %q", faults, tt.want)
			}
		})
	}
	if faults := newRecord(removed, 3).audit(told(first, operation{kind: remove, id: "b", want: "a", taken: true, rev: 3})); len(faults) > 0 {
		t.Errorf("the audit finds %q where all is well", faults)
	}
	if got := (operation{err: errors.New("foreign")}).outcome(); got != etcderr.Unknown {
		t.Errorf("the outcome of a foreign error is %v", got)
	}
}
