// SPDX-License-Identifier: Apache-2.0

package ctx_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/internal/builders"
	"github.com/eetcd-go/eetcd/internal/render"
)

func TestStringShowsTheGivenOptions(t *testing.T) {
	tests := []struct {
		c    ctx.Ctx
		want string
	}{
		{ctx.Ctx{}, `ctx()`},
		{ctx.New("registry"), `ctx(conn="registry")`},
		{
			ctx.New("registry").WithKey("heartbeat:").WithPrefix().WithSort(ctx.ByMod, ctx.Descend).WithLimit(10),
			`ctx(conn="registry" key="heartbeat:" prefix sort=mod/descend limit=10)`,
		},
		{ctx.Key("a").WithValue("12345").WithLease(7).WithPrevKV(), `ctx(key="a" value=(5 bytes) lease=7 prev-kv)`},
		{ctx.Ctx{}.WithPrefix().WithKey("\xff\n"), `ctx(key="\xff\n" prefix)`},
		{ctx.Key("").WithLimit(0).WithValue(""), `ctx(key="" value=(0 bytes) limit=0)`},
		{ctx.Key("a").WithLastRev(), `ctx(key="a" prefix sort=mod/descend limit=1)`},
		{ctx.Key("a").WithLastRev().WithRangeEnd("c"), `ctx(key="a" range-end="c" sort=mod/descend limit=1)`},
		{ctx.Key("a").WithSort(8, -2), `ctx(key="a" sort=8/-2)`},
		{
			ctx.Key("a").WithFromKey().WithTimeout(time.Second).WithEndpoint("127.0.0.1:2379"),
			`ctx(endpoint="127.0.0.1:2379" timeout=1s key="a" from-key)`,
		},
		{
			ctx.Key("a").WithRev(1).WithSerializable().WithKeysOnly().WithCountOnly().
				WithMinModRev(2).WithMaxModRev(3).WithMinCreateRev(4).WithMaxCreateRev(5),
			`ctx(key="a" rev=1 serializable keys-only count-only min-mod-rev=2 max-mod-rev=3 min-create-rev=4 max-create-rev=5)`,
		},
		{ctx.Key("a").WithIgnoreValue().WithIgnoreLease(), `ctx(key="a" ignore-value ignore-lease)`},
		{ctx.Ctx{}.WithRev(7).WithPhysical(), `ctx(rev=7 physical)`},
		{
			ctx.Key("a").WithStartRevision(9).WithWatchID(2).WithFragment().WithProgressNotify().WithFilterPut().WithFilterDelete(),
			`ctx(key="a" start-revision=9 watch-id=2 fragment progress-notify filter-put filter-delete)`,
		},
		{ctx.Ctx{}.WithName("el").WithLease(1), `ctx(name="el" lease=1)`},
		{ctx.Ctx{}.WithLeader(builders.Leader).WithPhysical(), `ctx(physical leader=(name="el" key="el/6a" rev=31 lease=32))`},
		{ctx.Ctx{}.WithLeader(nil), `ctx(leader=nil)`},
	}
	for _, tt := range tests {
		if got := tt.c.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestStringShowsEveryOption(t *testing.T) {
	for _, b := range builders.All {
		if b.Apply(ctx.Ctx{}).String() == "ctx()" {
			t.Errorf("%s leaves no trace in String", b.Method)
		}
	}
}

func TestNoPrintedFormShowsAValue(t *testing.T) {
	const secret = "hunter2"
	c := ctx.Key("a").WithValue(secret).WithTimeout(1)

	printed := []string{c.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		printed = append(printed, fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c), fmt.Sprintf(verb, []ctx.Ctx{c}))
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("m", "request", c)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "request", c)
	printed = append(printed, logged.String())
	_, err := render.Range(c)
	printed = append(printed, err.Error())

	for _, p := range printed {
		if strings.Contains(p, secret) {
			t.Errorf("the value is in %s", p)
		}
	}
	if n := strings.Count(logged.String(), "value=(7 bytes)"); n != 2 {
		t.Errorf("the request is in %d of 2 logged lines: %s", n, &logged)
	}
}
