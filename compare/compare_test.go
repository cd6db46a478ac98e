// SPDX-License-Identifier: Apache-2.0

package compare_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/render"
)

func TestGuardsRender(t *testing.T) {
	k := compare.New("k")
	tests := []struct {
		name  string
		guard compare.Compare
		want  *pb.Compare
	}{
		{"value", k.Value(compare.Equal, "v"), &pb.Compare{
			Target: pb.Compare_VALUE, TargetUnion: &pb.Compare_Value{Value: []byte("v")},
		}},
		{"empty value", k.Value(compare.Equal, ""), &pb.Compare{
			Target: pb.Compare_VALUE, TargetUnion: &pb.Compare_Value{},
		}},
		{"version", k.Version(compare.Equal, 1), &pb.Compare{
			Target: pb.Compare_VERSION, TargetUnion: &pb.Compare_Version{Version: 1},
		}},
		{"mod revision", k.ModRevision(compare.Equal, 2), &pb.Compare{
			Target: pb.Compare_MOD, TargetUnion: &pb.Compare_ModRevision{ModRevision: 2},
		}},
		{"create revision", k.CreateRevision(compare.Equal, 3), &pb.Compare{
			Target: pb.Compare_CREATE, TargetUnion: &pb.Compare_CreateRevision{CreateRevision: 3},
		}},
		{"lease", k.Lease(compare.Equal, 4), &pb.Compare{
			Target: pb.Compare_LEASE, TargetUnion: &pb.Compare_Lease{Lease: 4},
		}},
		{"exists", compare.Exists("k"), &pb.Compare{
			Result: pb.Compare_GREATER, Target: pb.Compare_CREATE, TargetUnion: &pb.Compare_CreateRevision{},
		}},
		{"missing", compare.Missing("k"), &pb.Compare{
			Result: pb.Compare_EQUAL, Target: pb.Compare_CREATE, TargetUnion: &pb.Compare_CreateRevision{},
		}},
	}
	for _, tt := range tests {
		tt.want.Key = []byte("k")
		got, err := render.Guard(tt.guard)
		if err != nil || !proto.Equal(got, tt.want) {
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestOperatorsRender(t *testing.T) {
	for op, want := range map[compare.Operator]pb.Compare_CompareResult{
		"=": pb.Compare_EQUAL, "==": pb.Compare_EQUAL,
		"!=": pb.Compare_NOT_EQUAL, "=/=": pb.Compare_NOT_EQUAL,
		">": pb.Compare_GREATER,
		"<": pb.Compare_LESS,
	} {
		got, err := render.Guard(compare.New("k").Version(op, 1))
		if err != nil || got.Result != want {
			t.Errorf("%q: got %v, %v, want %v", op, got.GetResult(), err, want)
		}
	}
}

func TestOperatorConstantsAreTheirSigns(t *testing.T) {
	got := []compare.Operator{compare.Equal, compare.NotEqual, compare.Greater, compare.Less}
	if want := []compare.Operator{"=", "!=", ">", "<"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnknownOperatorIsRefused(t *testing.T) {
	for _, op := range []compare.Operator{"", "~", "<=", ">=", "<>", " =", "EQUAL"} {
		got, err := render.Guard(compare.New("a key").Value(op, "secret"))
		if got != nil || !errors.Is(err, ctx.ErrInvalid) {
			t.Errorf("%q: got %v, %v, want ErrInvalid", op, got, err)
			continue
		}
		if want := fmt.Sprintf("compare: unknown operator %q on key \"a key\"", op); err.Error() != want {
			t.Errorf("got %s, want %s", err, want)
		}
	}
	if _, err := render.Guard(compare.Compare{}); !errors.Is(err, ctx.ErrInvalid) {
		t.Errorf("the zero guard: got %v, want ErrInvalid", err)
	}
}

func TestExtentDecidesTheRange(t *testing.T) {
	tests := []struct {
		name     string
		target   compare.Target
		key, end string
	}{
		{"a key", compare.New("a"), "a", ""},
		{"an empty key is the server's to judge", compare.New(""), "", ""},
		{"prefix", compare.New("a").WithPrefix(), "a", "b"},
		{"prefix ending in 0xff", compare.New("a\xff").WithPrefix(), "a\xff", "b"},
		{"prefix of nothing but 0xff", compare.New("\xff").WithPrefix(), "\xff", "\x00"},
		{"empty prefix", compare.New("").WithPrefix(), "\x00", "\x00"},
		{"from key", compare.New("a").WithFromKey(), "a", "\x00"},
		{"from an empty key", compare.New("").WithFromKey(), "\x00", "\x00"},
		{"range end", compare.New("a").WithRangeEnd("c"), "a", "c"},
		{"range end of an empty key", compare.New("").WithRangeEnd("c"), "", "c"},
		{"prefix, then range end", compare.New("").WithPrefix().WithRangeEnd("c"), "", "c"},
		{"range end, then prefix", compare.New("a").WithRangeEnd("c").WithPrefix(), "a", "b"},
		{"prefix, then from key", compare.New("a").WithPrefix().WithFromKey(), "a", "\x00"},
		{"from key, then empty range end", compare.New("a").WithFromKey().WithRangeEnd(""), "a", ""},
	}
	for _, tt := range tests {
		got, err := render.Guard(tt.target.Version(compare.Equal, 1))
		if err != nil || string(got.Key) != tt.key || string(got.RangeEnd) != tt.end {
			t.Errorf("%s: got [%q, %q), %v, want [%q, %q)", tt.name, got.GetKey(), got.GetRangeEnd(), err, tt.key, tt.end)
		}
	}
}

func TestBranchesOfOneTargetDoNotAffectEachOther(t *testing.T) {
	base := compare.New("a")
	prefix := base.WithPrefix()
	end := base.WithRangeEnd("c")
	equal := prefix.Version(compare.Equal, 1)
	less := prefix.Version(compare.Less, 2)
	if base != compare.New("a") || prefix != compare.New("a").WithPrefix() || end != compare.New("a").WithRangeEnd("c") {
		t.Error("a branch changed the target it came from")
	}
	if equal != compare.New("a").WithPrefix().Version("=", 1) || less != compare.New("a").WithPrefix().Version("<", 2) {
		t.Error("a guard changed another of the same target")
	}
}

func TestStringHidesValues(t *testing.T) {
	tests := []struct {
		guard compare.Compare
		want  string
	}{
		{compare.New("config").ModRevision(compare.Equal, 7), `mod_revision("config") = 7`},
		{compare.New("a").WithPrefix().CreateRevision(compare.Greater, 1), `create_revision(["a", "b")) > 1`},
		{compare.New("a").Version("=/=", 1), `version("a") =/= 1`},
		{compare.New("a").Lease(compare.Less, 1), `lease("a") < 1`},
		{compare.New("a").Value(compare.NotEqual, "hunter2"), `value("a") != (7 bytes)`},
	}
	for _, tt := range tests {
		if got := tt.guard.String(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(verb, []compare.Compare{tt.guard}); strings.Contains(got, "hunter2") {
				t.Errorf("%s tells the value: %s", verb, got)
			}
		}
	}
}
