// SPDX-License-Identifier: Apache-2.0

package kine

import (
	"fmt"
	"maps"
	"testing"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

// TestManyPairsAreWrittenAndReadOneByOne: kine refuses transactions of several puts, and those of several gets.
func TestManyPairsAreWrittenAndReadOneByOne(t *testing.T) {
	r := open(t, etcdtest.StartKine(t))
	const n = 150
	pairs := map[string]string{}
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("/t/%03d", i))
		pairs[names[i]] = fmt.Sprint(i)
	}
	written, err := kv.PutMany(t.Context(), r, maps.All(pairs))
	if err != nil || written.Pairs != n || written.Revisions != n {
		t.Fatalf("%+v, %v", written, err)
	}
	old := written.Rev
	if _, err := kv.PutMany(t.Context(), r, func(yield func(string, string) bool) {
		for i := range 20 { // the order of one key
			if !yield(names[7], fmt.Sprint("new", i)) {
				return
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		request kv.Request
		of7     string
	}{"the newest revision": {r, "new19"}, "an old revision": {r.WithRev(old), "7"}} {
		found, err := kv.GetMany(t.Context(), c.request, append(names, "/t/missing")...)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for i, name := range names {
			want := pairs[name]
			if i == 7 {
				want = c.of7
			}
			if pair, there := found.Get(name); !there || string(pair.GetValue()) != want {
				t.Errorf("%s of %s: %v, %t; want %s", what, name, pair, there, want)
			}
		}
		if pair, there := found.Get("/t/missing"); there {
			t.Errorf("%s of a missing key: %v", what, pair)
		}
	}
	_, err = kv.GetMany(t.Context(), r.WithSerializable(), names...)
	if etcderr.OutcomeOf(err) != etcderr.Rejected || !lacks.MatchString(err.Error()) {
		t.Errorf("serializable: %v", err)
	}
}
