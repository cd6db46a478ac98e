// SPDX-License-Identifier: Apache-2.0

package ctx_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/builders"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

func TestBuilderTableHasEveryMethod(t *testing.T) {
	tested := map[string]bool{}
	for _, b := range builders.All {
		tested[b.Method] = true
	}
	methods := reflect.TypeFor[ctx.Ctx]()
	for i := range methods.NumMethod() {
		name := methods.Method(i).Name
		if strings.HasPrefix(name, "With") && !tested[name] {
			t.Errorf("%s is not in the table", name)
		}
	}
}

func TestEveryBuilderChangesTheRequest(t *testing.T) {
	seen := map[ctx.Ctx]string{{}: "the empty request"}
	for _, b := range builders.All {
		c := b.Apply(ctx.Ctx{})
		if other, taken := seen[c]; taken {
			t.Errorf("%s gives the same request as %s", b.Method, other)
		}
		seen[c] = b.Method
	}
}

func TestBranchesOfOneBaseDoNotAffectEachOther(t *testing.T) {
	for _, first := range builders.All {
		base := first.Apply(ctx.New("registry").WithKey("base"))
		before := base
		for _, a := range builders.All {
			for _, b := range builders.All {
				wantA, wantB := a.Apply(base), b.Apply(base)

				x := a.Apply(base)
				y := b.Apply(base)
				if x != wantA || y != wantB {
					t.Fatalf("%s, then %s: branches of %v differ", a.Method, b.Method, base)
				}
				y = b.Apply(base)
				x = a.Apply(base)
				if x != wantA || y != wantB {
					t.Fatalf("%s, then %s: branches of %v differ", b.Method, a.Method, base)
				}
				a.Apply(b.Apply(x))
				if x != wantA || y != wantB || base != before {
					t.Fatalf("%s on %s changed a request it was branched from", a.Method, b.Method)
				}
			}
		}
	}
}

func TestLaterArgumentReplacesEarlierOne(t *testing.T) {
	for _, b := range builders.All {
		if b.Method == "WithSubKey" {
			continue // which adds to the key
		}
		once := b.Apply(ctx.Ctx{})
		if twice := b.Apply(once); twice != once {
			t.Errorf("%s twice: %v, once: %v", b.Method, twice, once)
		}
	}
	got := ctx.Key("a").WithLimit(1).WithLimit(2).WithKey("b")
	if want := ctx.Key("b").WithLimit(2); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSubKeyIsAppendedToTheKeySoFar(t *testing.T) {
	base := ctx.New("registry").WithKey("jobs/").WithPrefix()
	tests := []struct{ got, want ctx.Ctx }{
		{base.WithSubKey("a"), base.WithKey("jobs/a")},
		{base.WithSubKey("a/").WithSubKey("b"), base.WithKey("jobs/a/b")},
		{base.WithSubKey(""), base},
		{base.WithSubKey("a").WithKey("b"), base.WithKey("b")},
		{ctx.Ctx{}.WithSubKey("a"), ctx.Key("a")},
		{ctx.Ctx{}.WithSubKey(""), ctx.Ctx{}}, // so that a delete of its prefix is refused
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %v, want %v", tt.got, tt.want)
		}
	}
	if base != ctx.New("registry").WithKey("jobs/").WithPrefix() {
		t.Errorf("the base became %v", base)
	}
}

func TestByteArgumentsAreCopied(t *testing.T) {
	key, value := []byte("key"), []byte("value")
	l := &v3electionpb.LeaderKey{Name: []byte("name"), Key: []byte("leader"), Rev: 1, Lease: 2}
	put := ctx.Ctx{}.WithKeyBytes(key).WithValueBytes(value)
	resign := ctx.Ctx{}.WithLeader(l)

	key[0], value[0], l.Name[0], l.Key[0], l.Rev, l.Lease = 'X', 'X', 'X', 'X', 9, 9

	if want := (ctx.Ctx{}).WithKey("key").WithValue("value"); put != want {
		t.Errorf("the put is %v, want %v", put, want)
	}
	want := ctx.Ctx{}.WithLeader(&v3electionpb.LeaderKey{Name: []byte("name"), Key: []byte("leader"), Rev: 1, Lease: 2})
	if resign != want {
		t.Errorf("the resignation is %v, want %v", resign, want)
	}
}

func TestZeroValueIsUnboundAndEmpty(t *testing.T) {
	if sealed.Ctx(ctx.Ctx{}).Conn() != "" || sealed.Ctx(ctx.Key("a")).Conn() != "" {
		t.Error("a request without a connection is bound to one")
	}
	if ctx.New("") != (ctx.Ctx{}) {
		t.Error("New with no name is not the zero value")
	}
	if ctx.Key("a") != (ctx.Ctx{}).WithKey("a") {
		t.Error("Key is not short for WithKey")
	}
	if ctx.New("registry") != (ctx.Ctx{}).WithConn("registry") {
		t.Error("New is not short for WithConn")
	}
}

// kept keeps the compiler from removing work whose result is unused.
var kept ctx.Ctx

func TestBuildingAllocatesNothing(t *testing.T) {
	base := ctx.New("registry")
	chains := map[string]func(){
		"get": func() {
			kept = base.WithKey("heartbeat:").WithPrefix().WithSort(ctx.ByMod, ctx.Descend).
				WithLimit(10).WithTimeout(time.Second).WithRev(7)
		},
		"put": func() {
			kept = base.WithKey("a").WithValue("v").WithLease(7).WithPrevKV().
				WithEndpoint("127.0.0.1:2379").WithTimeout(time.Second)
		},
		"watch": func() {
			kept = base.WithKey("a").WithRangeEnd("b").WithStartRevision(7).WithFilterPut().
				WithFilterDelete().WithProgressNotify()
		},
		"invalid": func() {
			kept = base.WithName("n").WithTop(99, 99).WithTimeout(0).WithLimit(-1).WithPhysical().WithFromKey()
		},
	}
	for name, chain := range chains {
		if n := testing.AllocsPerRun(100, chain); n != 0 {
			t.Errorf("a %s chain of six options allocates %v objects, want 0", name, n)
		}
	}
}

func BenchmarkChainOfSix(b *testing.B) {
	base := ctx.New("registry")
	b.ReportAllocs()
	for b.Loop() {
		kept = base.WithKey("heartbeat:").WithPrefix().WithSort(ctx.ByMod, ctx.Descend).
			WithLimit(10).WithTimeout(time.Second).WithRev(7)
	}
}
