// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/internal/builders"
	"github.com/eetcd-go/eetcd/internal/render"
)

// sendsOnly lists the builders that any request accepts and that leave no trace in its message.
var sendsOnly = map[string]bool{"WithConn": true, "WithTimeout": true, "WithEndpoint": true}

func TestEveryOptionOnEveryRequest(t *testing.T) {
	for _, r := range requests {
		empty, err := r.render(ctx.Ctx{})
		if err != nil {
			t.Errorf("empty request as %s: %v", r.phrase, err)
			continue
		}
		for _, b := range builders.All {
			got, err := r.render(b.Apply(ctx.Ctx{}))
			want, accepted := r.accepts[b.Method]
			if sendsOnly[b.Method] {
				want, accepted = empty, true
			}
			if accepted {
				if err != nil {
					t.Errorf("%s on %s: %v", b.Method, r.phrase, err)
				} else if !proto.Equal(got, want) {
					t.Errorf("%s on %s renders %v, want %v", b.Method, r.phrase, got, want)
				}
				continue
			}
			conflict, ownWords := r.alone[b.Method]
			if !ownWords {
				method := strings.TrimSuffix(strings.Replace(b.Method, "SubKey", "Key", 1), "Bytes")
				conflict = "ctx: " + method + " does not apply to " + r.phrase
			}
			checkRefused(t, err, conflict)
		}
	}
}

// checkRefused checks that err is ErrInvalid with exactly these conflicts.
func checkRefused(t *testing.T, err error, conflicts ...string) {
	t.Helper()
	if !errors.Is(err, ctx.ErrInvalid) {
		t.Errorf("got error %v, want ErrInvalid: %q", err, conflicts)
		return
	}
	if want := strings.Join(conflicts, "; "); err.Error() != want {
		t.Errorf("the error is\n%s\nwant\n%s", err, want)
	}
	var invalid *ctx.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Conflicts) != len(conflicts) {
		t.Errorf("the error does not list its %d conflicts one by one: %#v", len(conflicts), err)
	}
}

func TestRenderedRequestIsNilWhenRefused(t *testing.T) {
	if got, err := render.Put(ctx.Key("a").WithLimit(1)); err == nil || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestOptionsOfOneRequestRenderTogether(t *testing.T) {
	tests := []struct {
		name string
		got  func() (proto.Message, error)
		want proto.Message
	}{
		{
			"get",
			func() (proto.Message, error) {
				return render.Range(ctx.Key("a").WithPrefix().WithLimit(5).WithRev(6).WithSort(ctx.ByMod, ctx.Descend).
					WithSerializable().WithKeysOnly().WithMinModRev(1).WithMaxModRev(2).
					WithMinCreateRev(3).WithMaxCreateRev(4))
			},
			&pb.RangeRequest{
				Key: []byte("a"), RangeEnd: []byte("b"), Limit: 5, Revision: 6,
				SortTarget: pb.RangeRequest_MOD, SortOrder: pb.RangeRequest_DESCEND,
				Serializable: true, KeysOnly: true, MinModRevision: 1, MaxModRevision: 2,
				MinCreateRevision: 3, MaxCreateRevision: 4,
			},
		},
		{
			"put",
			func() (proto.Message, error) {
				return render.Put(ctx.Key("a").WithValue("v").WithLease(7).WithPrevKV())
			},
			&pb.PutRequest{Key: []byte("a"), Value: []byte("v"), Lease: 7, PrevKv: true},
		},
		{
			"what the server judges itself",
			func() (proto.Message, error) {
				return render.Put(ctx.Ctx{}.WithValue("v").WithLease(-1).WithIgnoreValue().WithIgnoreLease())
			},
			&pb.PutRequest{Value: []byte("v"), Lease: -1, IgnoreValue: true, IgnoreLease: true},
		},
		{
			"watch with both filters",
			func() (proto.Message, error) {
				return render.WatchCreate(ctx.Key("a").WithFilterDelete().WithFilterPut().WithFilterPut())
			},
			&pb.WatchCreateRequest{Key: []byte("a"), Filters: []pb.WatchCreateRequest_FilterType{
				pb.WatchCreateRequest_NOPUT, pb.WatchCreateRequest_NODELETE,
			}},
		},
		{
			"campaign",
			func() (proto.Message, error) {
				return render.Campaign(ctx.New("c").WithName("n").WithLease(7).WithValue("v"))
			},
			&v3electionpb.CampaignRequest{Name: []byte("n"), Lease: 7, Value: []byte("v")},
		},
	}
	for _, tt := range tests {
		got, err := tt.got()
		if err != nil || !proto.Equal(got, tt.want) {
			t.Errorf("%s: got %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestSortRendersEachTargetAndOrder(t *testing.T) {
	targets := map[ctx.SortTarget]pb.RangeRequest_SortTarget{
		ctx.ByKey:     pb.RangeRequest_KEY,
		ctx.ByVersion: pb.RangeRequest_VERSION,
		ctx.ByCreate:  pb.RangeRequest_CREATE,
		ctx.ByMod:     pb.RangeRequest_MOD,
		ctx.ByValue:   pb.RangeRequest_VALUE,
	}
	orders := map[ctx.SortOrder]pb.RangeRequest_SortOrder{
		ctx.None:    pb.RangeRequest_NONE,
		ctx.Ascend:  pb.RangeRequest_ASCEND,
		ctx.Descend: pb.RangeRequest_DESCEND,
	}
	for target, wantTarget := range targets {
		for order, wantOrder := range orders {
			if target == ctx.ByKey && order == ctx.Ascend {
				wantOrder = pb.RangeRequest_NONE // the same order, without reading the whole range
			}
			got, err := render.Range(ctx.Key("a").WithSort(target, order))
			if err != nil || got.SortTarget != wantTarget || got.SortOrder != wantOrder {
				t.Errorf("%v, %v renders %v, %v (%v), want %v, %v",
					target, order, got.GetSortTarget(), got.GetSortOrder(), err, wantTarget, wantOrder)
			}
		}
	}
}

func TestMissingLeaderIsLeftToTheServer(t *testing.T) {
	tests := []struct {
		name string
		c    ctx.Ctx
		want *v3electionpb.LeaderKey
	}{
		{"not given", ctx.Ctx{}, nil},
		{"nil", ctx.Ctx{}.WithLeader(nil), nil},
		{"nil in place of another", ctx.Ctx{}.WithLeader(builders.Leader).WithLeader(nil), nil},
		{"empty", ctx.Ctx{}.WithLeader(&v3electionpb.LeaderKey{}), &v3electionpb.LeaderKey{}},
	}
	for _, tt := range tests {
		got, err := render.Resign(tt.c)
		if err != nil || (got.Leader == nil) != (tt.want == nil) || !proto.Equal(got.Leader, tt.want) {
			t.Errorf("%s: got %v, %v, want leader %v", tt.name, got, err, tt.want)
		}
	}
	_, err := render.Put(ctx.Ctx{}.WithLeader(nil))
	checkRefused(t, err, "ctx: WithLeader does not apply to a put request")
}
