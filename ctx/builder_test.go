// SPDX-License-Identifier: Apache-2.0

package ctx_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
)

// builder is one With method with arguments that no other builder uses.
type builder struct {
	method string
	apply  func(ctx.Ctx) ctx.Ctx
}

var leader = &v3electionpb.LeaderKey{Name: []byte("el"), Key: []byte("el/6a"), Rev: 31, Lease: 32}

var builders = []builder{
	{"WithConn", func(c ctx.Ctx) ctx.Ctx { return c.WithConn("conn") }},
	{"WithTimeout", func(c ctx.Ctx) ctx.Ctx { return c.WithTimeout(time.Second) }},
	{"WithEndpoint", func(c ctx.Ctx) ctx.Ctx { return c.WithEndpoint("127.0.0.1:1") }},
	{"WithKey", func(c ctx.Ctx) ctx.Ctx { return c.WithKey("key") }},
	{"WithKeyBytes", func(c ctx.Ctx) ctx.Ctx { return c.WithKeyBytes([]byte("keybytes")) }},
	{"WithSubKey", func(c ctx.Ctx) ctx.Ctx { return c.WithSubKey("sub") }},
	{"WithPrefix", func(c ctx.Ctx) ctx.Ctx { return c.WithPrefix() }},
	{"WithFromKey", func(c ctx.Ctx) ctx.Ctx { return c.WithFromKey() }},
	{"WithRangeEnd", func(c ctx.Ctx) ctx.Ctx { return c.WithRangeEnd("end") }},
	{"WithValue", func(c ctx.Ctx) ctx.Ctx { return c.WithValue("value") }},
	{"WithValueBytes", func(c ctx.Ctx) ctx.Ctx { return c.WithValueBytes([]byte("valuebytes")) }},
	{"WithLease", func(c ctx.Ctx) ctx.Ctx { return c.WithLease(1) }},
	{"WithIgnoreValue", func(c ctx.Ctx) ctx.Ctx { return c.WithIgnoreValue() }},
	{"WithIgnoreLease", func(c ctx.Ctx) ctx.Ctx { return c.WithIgnoreLease() }},
	{"WithPrevKV", func(c ctx.Ctx) ctx.Ctx { return c.WithPrevKV() }},
	{"WithLimit", func(c ctx.Ctx) ctx.Ctx { return c.WithLimit(2) }},
	{"WithRev", func(c ctx.Ctx) ctx.Ctx { return c.WithRev(3) }},
	{"WithSort", func(c ctx.Ctx) ctx.Ctx { return c.WithSort(ctx.ByVersion, ctx.Ascend) }},
	{"WithTop", func(c ctx.Ctx) ctx.Ctx { return c.WithTop(ctx.ByValue, ctx.Descend) }},
	{"WithFirstKey", func(c ctx.Ctx) ctx.Ctx { return c.WithFirstKey() }},
	{"WithLastKey", func(c ctx.Ctx) ctx.Ctx { return c.WithLastKey() }},
	{"WithFirstRev", func(c ctx.Ctx) ctx.Ctx { return c.WithFirstRev() }},
	{"WithLastRev", func(c ctx.Ctx) ctx.Ctx { return c.WithLastRev() }},
	{"WithFirstCreate", func(c ctx.Ctx) ctx.Ctx { return c.WithFirstCreate() }},
	{"WithLastCreate", func(c ctx.Ctx) ctx.Ctx { return c.WithLastCreate() }},
	{"WithSerializable", func(c ctx.Ctx) ctx.Ctx { return c.WithSerializable() }},
	{"WithKeysOnly", func(c ctx.Ctx) ctx.Ctx { return c.WithKeysOnly() }},
	{"WithCountOnly", func(c ctx.Ctx) ctx.Ctx { return c.WithCountOnly() }},
	{"WithMinModRev", func(c ctx.Ctx) ctx.Ctx { return c.WithMinModRev(4) }},
	{"WithMaxModRev", func(c ctx.Ctx) ctx.Ctx { return c.WithMaxModRev(5) }},
	{"WithMinCreateRev", func(c ctx.Ctx) ctx.Ctx { return c.WithMinCreateRev(6) }},
	{"WithMaxCreateRev", func(c ctx.Ctx) ctx.Ctx { return c.WithMaxCreateRev(7) }},
	{"WithPhysical", func(c ctx.Ctx) ctx.Ctx { return c.WithPhysical() }},
	{"WithStartRevision", func(c ctx.Ctx) ctx.Ctx { return c.WithStartRevision(8) }},
	{"WithWatchID", func(c ctx.Ctx) ctx.Ctx { return c.WithWatchID(9) }},
	{"WithFragment", func(c ctx.Ctx) ctx.Ctx { return c.WithFragment() }},
	{"WithProgressNotify", func(c ctx.Ctx) ctx.Ctx { return c.WithProgressNotify() }},
	{"WithFilterPut", func(c ctx.Ctx) ctx.Ctx { return c.WithFilterPut() }},
	{"WithFilterDelete", func(c ctx.Ctx) ctx.Ctx { return c.WithFilterDelete() }},
	{"WithName", func(c ctx.Ctx) ctx.Ctx { return c.WithName("name") }},
	{"WithLeader", func(c ctx.Ctx) ctx.Ctx { return c.WithLeader(leader) }},
}

func TestBuilderTableHasEveryMethod(t *testing.T) {
	tested := map[string]bool{}
	for _, b := range builders {
		tested[b.method] = true
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
	for _, b := range builders {
		c := b.apply(ctx.Ctx{})
		if other, taken := seen[c]; taken {
			t.Errorf("%s gives the same request as %s", b.method, other)
		}
		seen[c] = b.method
	}
}

func TestBranchesOfOneBaseDoNotAffectEachOther(t *testing.T) {
	for _, first := range builders {
		base := first.apply(ctx.New("registry").WithKey("base"))
		before := base
		for _, a := range builders {
			for _, b := range builders {
				wantA, wantB := a.apply(base), b.apply(base)

				x := a.apply(base)
				y := b.apply(base)
				if x != wantA || y != wantB {
					t.Fatalf("%s, then %s: branches of %v differ", a.method, b.method, base)
				}
				y = b.apply(base)
				x = a.apply(base)
				if x != wantA || y != wantB {
					t.Fatalf("%s, then %s: branches of %v differ", b.method, a.method, base)
				}
				a.apply(b.apply(x))
				if x != wantA || y != wantB || base != before {
					t.Fatalf("%s on %s changed a request it was branched from", a.method, b.method)
				}
			}
		}
	}
}

func TestLaterArgumentReplacesEarlierOne(t *testing.T) {
	for _, b := range builders {
		if b.method == "WithSubKey" {
			continue // which adds to the key
		}
		once := b.apply(ctx.Ctx{})
		if twice := b.apply(once); twice != once {
			t.Errorf("%s twice: %v, once: %v", b.method, twice, once)
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

// sink keeps the compiler from removing work whose result is unused.
var sink any

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
