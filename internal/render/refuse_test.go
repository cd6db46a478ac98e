// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/internal/render"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

func TestConflictsAreReportedAllAtOnce(t *testing.T) {
	put := func(c ctx.Ctx) error { _, err := render.Put(c); return err }
	get := func(c ctx.Ctx) error { _, err := render.Range(c); return err }
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{
			"two options without a place",
			put(ctx.Key("a").WithSort(ctx.ByMod, ctx.Descend).WithLimit(3)),
			[]string{
				"ctx: WithLimit does not apply to a put request",
				"ctx: WithSort does not apply to a put request",
			},
		},
		{
			"zero arguments count as given",
			put(ctx.Key("a").WithLimit(0).WithRev(0).WithName("").WithMinModRev(0)),
			[]string{
				"ctx: WithLimit does not apply to a put request",
				"ctx: WithRev does not apply to a put request",
				"ctx: WithMinModRev does not apply to a put request",
				"ctx: WithName does not apply to a put request",
			},
		},
		{
			"an unknown enum on the wrong request is the wrong request's",
			put(ctx.Key("a").WithSort(99, 99)),
			[]string{"ctx: WithSort does not apply to a put request"},
		},
		{
			"unknown target",
			get(ctx.Key("a").WithSort(5, ctx.Descend)),
			[]string{"ctx: WithSort has the unknown sort target 5 in a get request"},
		},
		{
			"negative target and unknown order",
			get(ctx.Key("a").WithSort(-1, 3)),
			[]string{
				"ctx: WithSort has the unknown sort target -1 in a get request",
				"ctx: WithSort has the unknown sort order 3 in a get request",
			},
		},
		{
			"unknown order of a top",
			get(ctx.Key("a").WithTop(ctx.ByMod, -1)),
			[]string{"ctx: WithTop has the unknown sort order -1 in a get request"},
		},
		{
			"either may have set the order",
			get(ctx.Key("a").WithSort(ctx.ByMod, ctx.Ascend).WithTop(ctx.ByMod, 7)),
			[]string{"ctx: WithSort or WithTop has the unknown sort order 7 in a get request"},
		},
		{
			"everything at once",
			get(ctx.Key("a").WithValue("secret").WithTimeout(5).WithSort(9, 9).WithPhysical()),
			[]string{
				"ctx: WithValue does not apply to a get request",
				"ctx: WithPhysical does not apply to a get request",
				"ctx: WithTimeout(5ns) is below 1ms in a get request",
				"ctx: WithSort has the unknown sort target 9 in a get request",
				"ctx: WithSort has the unknown sort order 9 in a get request",
			},
		},
		{
			"a top is named by its own method",
			put(ctx.Key("a").WithLastRev()),
			[]string{"ctx: WithLastRev does not apply to a put request"},
		},
		{
			"a delete takes a range but no top",
			func() error { _, err := render.DeleteRange(ctx.Key("a").WithFirstKey()); return err }(),
			[]string{"ctx: WithFirstKey does not apply to a delete request"},
		},
		{
			"a delete of a prefix whose key is forgotten",
			func() error { _, err := render.DeleteRange(ctx.New("c").WithPrefix()); return err }(),
			[]string{forgottenKey("WithPrefix")},
		},
		{
			"a delete from a key that is forgotten, beside another mistake",
			func() error { _, err := render.DeleteRange(ctx.Ctx{}.WithFromKey().WithLimit(1)); return err }(),
			[]string{"ctx: WithLimit does not apply to a delete request", forgottenKey("WithFromKey")},
		},
		{
			"of several extents only the last counts",
			put(ctx.Key("a").WithPrefix().WithRangeEnd("b").WithFromKey()),
			[]string{"ctx: WithFromKey does not apply to a put request"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkRefused(t, tt.err, tt.want...) })
	}
}

// forgottenKey returns the conflict of a delete with an extent and no key.
func forgottenKey(extent string) string {
	return "ctx: " + extent + ` without WithKey would delete every key: say WithKey("") where that is meant`
}

func TestDeleteOfEveryKeyNeedsAnExplicitEmptyKey(t *testing.T) {
	for _, c := range []ctx.Ctx{
		ctx.Key("").WithPrefix(), ctx.Ctx{}.WithPrefix().WithKey(""), ctx.Ctx{}.WithKeyBytes(nil).WithPrefix(), ctx.Key("").WithFromKey(),
	} {
		got, err := render.DeleteRange(c)
		if err != nil || string(got.GetKey()) != "\x00" || string(got.GetRangeEnd()) != "\x00" {
			t.Errorf("%v: got [%q, %q), %v, want every key", c, got.GetKey(), got.GetRangeEnd(), err)
		}
	}
	// Requests that only read may cover everything.
	for _, c := range []ctx.Ctx{ctx.Ctx{}.WithPrefix(), ctx.Ctx{}.WithFromKey()} {
		if _, err := render.Range(c); err != nil {
			t.Errorf("a get: %v", err)
		}
		if _, err := render.WatchCreate(c); err != nil {
			t.Errorf("a watch: %v", err)
		}
	}
}

func TestSortReplacedByAValidOneIsAccepted(t *testing.T) {
	if _, err := render.Range(ctx.Key("a").WithSort(99, 99).WithSort(ctx.ByMod, ctx.Ascend)); err != nil {
		t.Error(err)
	}
}

func TestTimeoutBelowOneMillisecondIsRefusedByEveryRequest(t *testing.T) {
	for _, r := range requests {
		for _, d := range []time.Duration{5, 0, -time.Second, time.Millisecond - 1} {
			_, err := r.render(ctx.Ctx{}.WithTimeout(d))
			checkRefused(t, err, fmt.Sprintf("ctx: WithTimeout(%v) is below 1ms in %s", d, r.phrase))
		}
		if _, err := r.render(ctx.Ctx{}.WithTimeout(time.Millisecond)); err != nil {
			t.Errorf("a timeout of 1ms in %s: %v", r.phrase, err)
		}
	}
}

func TestCheckRefusesOptionsThatAServiceDoesNotTake(t *testing.T) {
	const phrase = "a lease grant request"
	send := ctx.New("registry").WithTimeout(time.Second).WithEndpoint("a:1")
	if err := render.Check(send.WithLease(0), phrase, sealed.OptLease); err != nil {
		t.Errorf("what is allowed: %v", err)
	}
	checkRefused(t, render.Check(send.WithLease(0), phrase, 0), "ctx: WithLease does not apply to a lease grant request")
	checkRefused(t, render.Check(send.WithKey("").WithSerializable().WithTimeout(1), phrase, sealed.OptLease|sealed.OptName|sealed.OptValue),
		"ctx: WithKey does not apply to a lease grant request",
		"ctx: WithSerializable does not apply to a lease grant request",
		"ctx: WithTimeout(1ns) is below 1ms in a lease grant request",
	)
	if err := render.Check(send.WithSerializable(), "a member list request", sealed.OptSerializable); err != nil {
		t.Errorf("what is allowed: %v", err)
	}
	for _, c := range []ctx.Ctx{
		send.WithKey("a").WithPrefix().WithLimit(1), send.WithFromKey(), send.WithRangeEnd("b"), send.WithFirstKey(),
	} {
		if err := render.Check(c, "a range", render.RangeInOrder); err != nil {
			t.Errorf("what is allowed: %v", err)
		}
	}
	checkRefused(t, render.Check(send.WithKey("a").WithLastKey().WithRev(0), "a range", render.RangeInOrder),
		"ctx: WithRev does not apply to a range",
		"ctx: WithLastKey does not apply to a range",
	)
}

func TestAlsoInvalidKeepsEarlierConflicts(t *testing.T) {
	checkRefused(t, render.AlsoInvalid(nil, "a"), "a")

	before := render.Check(ctx.Key("k").WithLimit(0), "a status request", 0)
	found := []string{"ctx: WithKey does not apply to a status request", "ctx: WithLimit does not apply to a status request"}
	first, second := render.AlsoInvalid(before, "a"), render.AlsoInvalid(before, "b")
	checkRefused(t, first, append(slices.Clone(found), "a")...)
	checkRefused(t, second, append(slices.Clone(found), "b")...)
	checkRefused(t, render.AlsoInvalid(first, "c"), append(slices.Clone(found), "a", "c")...)
	checkRefused(t, before, found...)

	other := errors.New("something else")
	if err := render.AlsoInvalid(other, "a"); !errors.Is(err, other) || !errors.Is(err, ctx.ErrInvalid) {
		t.Errorf("%q is not both", err)
	}
}

func TestRefusedRequestHasOutcomeNotSent(t *testing.T) {
	_, err := render.Put(ctx.Key("a").WithLimit(0))
	for _, err := range []error{err, ctx.ErrInvalid, fmt.Errorf("kv: %w", err)} {
		if got := etcderr.OutcomeOf(err); got != etcderr.NotSent {
			t.Errorf("the outcome of %q is %v, want NotSent", err, got)
		}
		if !errors.Is(err, ctx.ErrInvalid) {
			t.Errorf("%q is not ErrInvalid", err)
		}
	}
}
