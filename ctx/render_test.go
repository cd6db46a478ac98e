// SPDX-License-Identifier: Apache-2.0

package ctx_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/internal/render"
)

// request is one rendering method. It has the message that each builder alone must lead to, or the conflict. A builder
// that is not listed must be refused.
type request struct {
	phrase  string
	render  func(ctx.Ctx) (proto.Message, error)
	accepts map[string]proto.Message
	alone   map[string]string
}

var requests = []request{
	{
		phrase: "a get request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Range(c) },
		accepts: map[string]proto.Message{
			"WithKey":          &pb.RangeRequest{Key: []byte("key")},
			"WithKeyBytes":     &pb.RangeRequest{Key: []byte("keybytes")},
			"WithSubKey":       &pb.RangeRequest{Key: []byte("sub")},
			"WithPrefix":       &pb.RangeRequest{Key: []byte{0}, RangeEnd: []byte{0}},
			"WithFromKey":      &pb.RangeRequest{Key: []byte{0}, RangeEnd: []byte{0}},
			"WithRangeEnd":     &pb.RangeRequest{RangeEnd: []byte("end")},
			"WithLimit":        &pb.RangeRequest{Limit: 2},
			"WithRev":          &pb.RangeRequest{Revision: 3},
			"WithSort":         &pb.RangeRequest{SortTarget: pb.RangeRequest_VERSION, SortOrder: pb.RangeRequest_ASCEND},
			"WithTop":          top(pb.RangeRequest_VALUE, pb.RangeRequest_DESCEND),
			"WithFirstKey":     top(pb.RangeRequest_KEY, pb.RangeRequest_NONE),
			"WithLastKey":      top(pb.RangeRequest_KEY, pb.RangeRequest_DESCEND),
			"WithFirstRev":     top(pb.RangeRequest_MOD, pb.RangeRequest_ASCEND),
			"WithLastRev":      top(pb.RangeRequest_MOD, pb.RangeRequest_DESCEND),
			"WithFirstCreate":  top(pb.RangeRequest_CREATE, pb.RangeRequest_ASCEND),
			"WithLastCreate":   top(pb.RangeRequest_CREATE, pb.RangeRequest_DESCEND),
			"WithSerializable": &pb.RangeRequest{Serializable: true},
			"WithKeysOnly":     &pb.RangeRequest{KeysOnly: true},
			"WithCountOnly":    &pb.RangeRequest{CountOnly: true},
			"WithMinModRev":    &pb.RangeRequest{MinModRevision: 4},
			"WithMaxModRev":    &pb.RangeRequest{MaxModRevision: 5},
			"WithMinCreateRev": &pb.RangeRequest{MinCreateRevision: 6},
			"WithMaxCreateRev": &pb.RangeRequest{MaxCreateRevision: 7},
		},
	},
	{
		phrase: "a put request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Put(c) },
		accepts: map[string]proto.Message{
			"WithKey":         &pb.PutRequest{Key: []byte("key")},
			"WithKeyBytes":    &pb.PutRequest{Key: []byte("keybytes")},
			"WithSubKey":      &pb.PutRequest{Key: []byte("sub")},
			"WithValue":       &pb.PutRequest{Value: []byte("value")},
			"WithValueBytes":  &pb.PutRequest{Value: []byte("valuebytes")},
			"WithLease":       &pb.PutRequest{Lease: 1},
			"WithIgnoreValue": &pb.PutRequest{IgnoreValue: true},
			"WithIgnoreLease": &pb.PutRequest{IgnoreLease: true},
			"WithPrevKV":      &pb.PutRequest{PrevKv: true},
		},
	},
	{
		phrase: "a delete request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.DeleteRange(c) },
		accepts: map[string]proto.Message{
			"WithKey":      &pb.DeleteRangeRequest{Key: []byte("key")},
			"WithKeyBytes": &pb.DeleteRangeRequest{Key: []byte("keybytes")},
			"WithSubKey":   &pb.DeleteRangeRequest{Key: []byte("sub")},
			"WithRangeEnd": &pb.DeleteRangeRequest{RangeEnd: []byte("end")},
			"WithPrevKV":   &pb.DeleteRangeRequest{PrevKv: true},
		},
		alone: map[string]string{
			"WithPrefix":  forgottenKey("WithPrefix"),
			"WithFromKey": forgottenKey("WithFromKey"),
		},
	},
	{
		phrase: "a compact request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Compaction(c) },
		accepts: map[string]proto.Message{
			"WithRev":      &pb.CompactionRequest{Revision: 3},
			"WithPhysical": &pb.CompactionRequest{Physical: true},
		},
	},
	{
		phrase: "a watch request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.WatchCreate(c) },
		accepts: map[string]proto.Message{
			"WithKey":            &pb.WatchCreateRequest{Key: []byte("key")},
			"WithKeyBytes":       &pb.WatchCreateRequest{Key: []byte("keybytes")},
			"WithSubKey":         &pb.WatchCreateRequest{Key: []byte("sub")},
			"WithPrefix":         &pb.WatchCreateRequest{Key: []byte{0}, RangeEnd: []byte{0}},
			"WithFromKey":        &pb.WatchCreateRequest{Key: []byte{0}, RangeEnd: []byte{0}},
			"WithRangeEnd":       &pb.WatchCreateRequest{RangeEnd: []byte("end")},
			"WithPrevKV":         &pb.WatchCreateRequest{PrevKv: true},
			"WithStartRevision":  &pb.WatchCreateRequest{StartRevision: 8},
			"WithWatchID":        &pb.WatchCreateRequest{WatchId: 9},
			"WithFragment":       &pb.WatchCreateRequest{Fragment: true},
			"WithProgressNotify": &pb.WatchCreateRequest{ProgressNotify: true},
			"WithFilterPut":      filtered(pb.WatchCreateRequest_NOPUT),
			"WithFilterDelete":   filtered(pb.WatchCreateRequest_NODELETE),
		},
	},
	{
		phrase: "a campaign request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Campaign(c) },
		accepts: map[string]proto.Message{
			"WithName":       &v3electionpb.CampaignRequest{Name: []byte("name")},
			"WithLease":      &v3electionpb.CampaignRequest{Lease: 1},
			"WithValue":      &v3electionpb.CampaignRequest{Value: []byte("value")},
			"WithValueBytes": &v3electionpb.CampaignRequest{Value: []byte("valuebytes")},
		},
	},
	{
		phrase: "a proclaim request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Proclaim(c) },
		accepts: map[string]proto.Message{
			"WithLeader":     &v3electionpb.ProclaimRequest{Leader: leader},
			"WithValue":      &v3electionpb.ProclaimRequest{Value: []byte("value")},
			"WithValueBytes": &v3electionpb.ProclaimRequest{Value: []byte("valuebytes")},
		},
	},
	{
		phrase: "a leader request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Leader(c) },
		accepts: map[string]proto.Message{
			"WithName": &v3electionpb.LeaderRequest{Name: []byte("name")},
		},
	},
	{
		phrase: "a resign request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Resign(c) },
		accepts: map[string]proto.Message{
			"WithLeader": &v3electionpb.ResignRequest{Leader: leader},
		},
	},
	{
		phrase: "a lock request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Lock(c) },
		accepts: map[string]proto.Message{
			"WithName":  &v3lockpb.LockRequest{Name: []byte("name")},
			"WithLease": &v3lockpb.LockRequest{Lease: 1},
		},
	},
	{
		phrase: "an unlock request",
		render: func(c ctx.Ctx) (proto.Message, error) { return render.Unlock(c) },
		accepts: map[string]proto.Message{
			"WithKey":      &v3lockpb.UnlockRequest{Key: []byte("key")},
			"WithKeyBytes": &v3lockpb.UnlockRequest{Key: []byte("keybytes")},
			"WithSubKey":   &v3lockpb.UnlockRequest{Key: []byte("sub")},
		},
	},
}

func top(target pb.RangeRequest_SortTarget, order pb.RangeRequest_SortOrder) *pb.RangeRequest {
	return &pb.RangeRequest{Key: []byte{0}, RangeEnd: []byte{0}, SortTarget: target, SortOrder: order, Limit: 1}
}

func filtered(filters ...pb.WatchCreateRequest_FilterType) *pb.WatchCreateRequest {
	return &pb.WatchCreateRequest{Filters: filters}
}

// sendsOnly lists the builders that any request accepts and that leave no trace in its message.
var sendsOnly = map[string]bool{"WithConn": true, "WithTimeout": true, "WithEndpoint": true}

func TestEveryOptionOnEveryRequest(t *testing.T) {
	for _, r := range requests {
		empty, err := r.render(ctx.Ctx{})
		if err != nil {
			t.Errorf("empty request as %s: %v", r.phrase, err)
			continue
		}
		for _, b := range builders {
			got, err := r.render(b.apply(ctx.Ctx{}))
			want, accepted := r.accepts[b.method]
			if sendsOnly[b.method] {
				want, accepted = empty, true
			}
			if accepted {
				if err != nil {
					t.Errorf("%s on %s: %v", b.method, r.phrase, err)
				} else if !proto.Equal(got, want) {
					t.Errorf("%s on %s renders %v, want %v", b.method, r.phrase, got, want)
				}
				continue
			}
			conflict, ownWords := r.alone[b.method]
			if !ownWords {
				method := strings.TrimSuffix(strings.Replace(b.method, "SubKey", "Key", 1), "Bytes")
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
		{"nil in place of another", ctx.Ctx{}.WithLeader(leader).WithLeader(nil), nil},
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

func TestRenderingAllocatesTheMessageAndItsBytes(t *testing.T) {
	get := ctx.New("registry").WithKey("heartbeat:").WithPrefix().WithSort(ctx.ByMod, ctx.Descend).WithLimit(10)
	put := ctx.New("registry").WithKey("a").WithValue("v").WithLease(7)
	tests := []struct {
		name   string
		want   float64
		render func()
	}{
		{"get of a prefix", 2, func() { sink, _ = render.Range(get) }},
		{"delete of a prefix", 2, func() { sink, _ = render.DeleteRange(ctx.Key("a").WithPrefix()) }},
		{"put", 3, func() { sink, _ = render.Put(put) }},
		{"check", 0, func() { sink = render.Check(ctx.New("registry"), "a test request", 0) }},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.render); n != tt.want {
			t.Errorf("%s allocates %v objects, want %v", tt.name, n, tt.want)
		}
	}
}

func BenchmarkRangeRequest(b *testing.B) {
	c := ctx.New("registry").WithKey("heartbeat:").WithPrefix().WithLimit(10)
	b.ReportAllocs()
	for b.Loop() {
		sink, _ = render.Range(c)
	}
}
