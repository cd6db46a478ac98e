// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"math"
	"testing"
)

func TestValueTellsTheKind(t *testing.T) {
	for value, want := range map[string]family{
		"":                                 exclusive,
		"shared":                           shared,
		"Shared":                           exclusive,
		"shared ":                          exclusive,
		"permits=1":                        permits,
		"permits=12":                       permits,
		"permits=":                         exclusive,
		"permits=0":                        exclusive,
		"permits=-1":                       exclusive,
		"permits=+1":                       exclusive,
		"permits=01":                       exclusive,
		"permits=1 ":                       exclusive,
		"permits=99999999999999999999":     exclusive,
		Exclusive.value("a value"):         exclusive,
		Shared.value("a value"):            shared,
		Permits(7).value("a value"):        permits,
		Permits(math.MaxInt).value("many"): permits,
	} {
		if got := familyOf(value); got != want {
			t.Errorf("%q says %d, want %d", value, got, want)
		}
	}
}
