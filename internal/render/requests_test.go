// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/ctx"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/internal/builders"
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
			"WithLeader":     &v3electionpb.ProclaimRequest{Leader: builders.Leader},
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
			"WithLeader": &v3electionpb.ResignRequest{Leader: builders.Leader},
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
