// SPDX-License-Identifier: Apache-2.0

package claim

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/eetcd-go/eetcd/gen/mvccpb"
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

// TestClaimWaitsForFewKeysOnly says for each kind for which of the older keys it waits, however many there are. The keys are
// named by their index, youngest first.
func TestClaimWaitsForFewKeysOnly(t *testing.T) {
	for name, c := range map[string]struct {
		kind  Kind
		older []string
		want  []string
	}{
		"nobody":                          {Permits(2), nil, nil},
		"a permit is left":                {Permits(3), []string{"permits=3", "permits=3"}, nil},
		"no permit is left":               {Permits(2), []string{"permits=2", "permits=2"}, []string{"0", "1"}},
		"a crowd waits for a permit":      {Permits(2), slices.Repeat([]string{"permits=2"}, 1000), []string{"0", "1"}},
		"a writer ahead of a crowd":       {Permits(1), []string{"permits=1", "permits=1", ""}, []string{"0"}},
		"a writer ahead of a holder":      {Permits(2), []string{"permits=2", ""}, []string{"1"}},
		"a crowd of readers":              {Shared, slices.Repeat([]string{"shared"}, 1000), nil},
		"a writer ahead of readers":       {Shared, []string{"shared", "shared", "", ""}, []string{"2"}},
		"everybody is ahead of a writer":  {Exclusive, []string{"shared", "permits=2"}, []string{"0"}},
		"more permits than anybody wants": {Permits(math.MaxInt), slices.Repeat([]string{"permits=2"}, 1000), nil},
	} {
		var older []*mvccpb.KeyValue
		for i, value := range c.older {
			older = append(older, &mvccpb.KeyValue{Key: fmt.Append(nil, i), Value: []byte(value)})
		}
		if got := c.kind.blockers(older); !slices.Equal(got, c.want) {
			t.Errorf("%s: it waits for %q, want %q", name, got, c.want)
		}
	}
}
