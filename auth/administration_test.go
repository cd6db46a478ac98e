// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"testing"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/maintenance"
)

// TestMemberAdministrationNeedsRoot checks what packages cluster and maintenance document about auth.
func TestMemberAdministrationNeedsRoot(t *testing.T) {
	members, anybody, root := secured(t)
	must(t, root, of2(auth.UserAdd, "user", password))
	endpoint, id := members.Endpoints()[0], members.Member(0).ID()
	user := as(t, members, anybody, "user", password).WithEndpoint(endpoint)
	nobody := auth.New(anybody.Name()).WithEndpoint(endpoint)
	const url = "http://127.0.0.1:1"
	for _, tt := range []struct {
		name  string
		since string // which servers refuse it in the words of the SDK's errors
		call  call
	}{
		{"MemberAdd", "v3.4", func(parent context.Context, c ctx.Ctx) error {
			_, err := cluster.MemberAdd(parent, c, url)
			return err
		}},
		{"MemberUpdate", "v3.4", func(parent context.Context, c ctx.Ctx) error {
			_, err := cluster.MemberUpdate(parent, c, id, url)
			return err
		}},
		{"MemberRemove", "v3.4", ofID(cluster.MemberRemove, id)},
		{"MemberPromote", "v3.4", ofID(cluster.MemberPromote, id)},
		{"AlarmDisarm", "v3.6", func(parent context.Context, c ctx.Ctx) error {
			_, err := maintenance.AlarmDisarm(parent, c, id, pb.AlarmType_NOSPACE)
			return err
		}},
		{"Downgrade", "v3.6", func(parent context.Context, c ctx.Ctx) error {
			_, err := maintenance.Downgrade(parent, c, pb.DowngradeRequest_VALIDATE, "3.6")
			return err
		}},
		{"Defragment", "v3.6", of(maintenance.Defragment)},
		{"Hash", "v3.6", of(maintenance.Hash)},
		{"HashKV", "v3.6", func(parent context.Context, c ctx.Ctx) error {
			_, err := maintenance.HashKV(parent, c, 0)
			return err
		}},
		{"MoveLeader", "v3.6", ofID(maintenance.MoveLeader, id)},
		{"Snapshot", "v3.6", func(parent context.Context, c ctx.Ctx) error {
			reader, err := maintenance.Snapshot(parent, c)
			if err == nil {
				err = reader.Close()
			}
			return err
		}},
	} {
		if members.Member(0).Version() < tt.since {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, tt.call(t.Context(), nobody), etcderr.Rejected, etcderr.ErrUserEmpty)
			wantFailure(t, tt.call(t.Context(), user), etcderr.Rejected, etcderr.ErrPermissionDenied)
		})
	}
	for name, open := range map[string]call{
		"MemberList": of(cluster.MemberList), "AlarmList": of(maintenance.AlarmList), "Status": of(maintenance.Status),
	} {
		t.Run(name, func(t *testing.T) {
			must(t, user, open)
			if members.Member(0).Version() >= "v3.6" {
				wantFailure(t, open(t.Context(), nobody), etcderr.Rejected, etcderr.ErrUserEmpty)
			}
		})
	}
}

func ofID[Response any](f func(context.Context, ctx.Ctx, uint64) (Response, error), id uint64) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := f(parent, c, id)
		return err
	}
}
