// SPDX-License-Identifier: Apache-2.0

package maintenance_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/maintenance"
)

// call is one request of this package.
type call func(context.Context, ctx.Ctx) error

// of drops the response of a function.
func of[Response any](f func(context.Context, ctx.Ctx) (Response, error)) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := f(parent, c)
		return err
	}
}

func hashKV(rev int64) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := maintenance.HashKV(parent, c, rev)
		return err
	}
}

func moveLeader(target uint64) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := maintenance.MoveLeader(parent, c, target)
		return err
	}
}

func alarmDisarm(member uint64, kind pb.AlarmType) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := maintenance.AlarmDisarm(parent, c, member, kind)
		return err
	}
}

func downgrade(action pb.DowngradeRequest_DowngradeAction, version string) call {
	return func(parent context.Context, c ctx.Ctx) error {
		_, err := maintenance.Downgrade(parent, c, action, version)
		return err
	}
}

func snapshot(parent context.Context, c ctx.Ctx) error {
	reader, err := maintenance.Snapshot(parent, c)
	if err == nil {
		reader.Close()
	}
	return err
}

func save(path string) call {
	return func(parent context.Context, c ctx.Ctx) error { return maintenance.SaveSnapshot(parent, c, path, nil) }
}

// functions has every function of the package, and the name of its request in errors.
func functions(folder string) map[string]struct {
	request string
	member  bool // the function is about one member
	call    call
} {
	return map[string]struct {
		request string
		member  bool
		call    call
	}{
		"AlarmList":      {"an alarm list request", false, of(maintenance.AlarmList)},
		"AlarmDisarm":    {"an alarm disarm request", false, alarmDisarm(1, pb.AlarmType_NOSPACE)},
		"AlarmDisarmAll": {"an alarm disarm request", false, of(maintenance.AlarmDisarmAll)},
		"Status":         {"a status request", true, of(maintenance.Status)},
		"Defragment":     {"a defragment request", true, of(maintenance.Defragment)},
		"HashKV":         {"a hash kv request", true, hashKV(0)},
		"Hash":           {"a hash request", true, of(maintenance.Hash)},
		"MoveLeader":     {"a move leader request", false, moveLeader(1)},
		"Downgrade":      {"a downgrade request", false, downgrade(pb.DowngradeRequest_VALIDATE, "3.6")},
		"Snapshot":       {"a snapshot request", false, snapshot},
		"SaveSnapshot":   {"a snapshot request", false, save(filepath.Join(folder, "backup.db"))},
	}
}

func TestUnsupportedOptionsAreRefusedInOneError(t *testing.T) {
	folder := t.TempDir()
	for name, f := range functions(folder) {
		t.Run(name, func(t *testing.T) {
			bad := maintenance.New(registry).WithRev(0).WithSerializable().WithKey("k").WithTimeout(5)
			want := []string{
				"ctx: WithKey does not apply to " + f.request,
				"ctx: WithRev does not apply to " + f.request,
				"ctx: WithSerializable does not apply to " + f.request,
				"ctx: WithTimeout(5ns) is below 1ms in " + f.request,
			}
			wantInvalid(t, f.call(t.Context(), bad.WithEndpoint(shared.Endpoints()[0])), want...)
			if f.member {
				need := "maintenance: " + f.request + " needs WithEndpoint"
				wantInvalid(t, f.call(t.Context(), bad), append(want, need)...)
				wantInvalid(t, f.call(t.Context(), maintenance.New(registry)), need)
				wantInvalid(t, f.call(t.Context(), ctx.Ctx{}), need)
			} else {
				wantInvalid(t, f.call(t.Context(), bad), want...)
			}
		})
	}
	checkFolder(t, folder)
}

func TestNegativeRevisionToHashIsRefused(t *testing.T) {
	const negative = "maintenance: the revision -1 is negative in a hash kv request"
	c := maintenance.New(registry)
	wantInvalid(t, hashKV(-1)(t.Context(), c.WithEndpoint(shared.Endpoints()[0])), negative)
	wantInvalid(t, hashKV(-1)(t.Context(), c), "maintenance: a hash kv request needs WithEndpoint", negative)
}

func TestRequestWithoutAnOpenConnectionIsNotSent(t *testing.T) {
	folder := t.TempDir()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, f := range functions(folder) {
		t.Run(name, func(t *testing.T) {
			one := shared.Endpoints()[0]
			wantFailure(t, f.call(t.Context(), ctx.Ctx{}.WithEndpoint(one)), etcderr.NotSent, conn.ErrNotOpen)
			wantFailure(t, f.call(t.Context(), maintenance.New("no-such").WithEndpoint(one)), etcderr.NotSent, conn.ErrNotOpen)
			wantFailure(t, f.call(t.Context(), maintenance.New(registry).WithEndpoint("nowhere")), etcderr.NotSent, conn.ErrEndpoint)
			wantFailure(t, f.call(t.Context(), maintenance.New(registry).WithEndpoint("")), etcderr.NotSent, conn.ErrEndpoint)
			wantFailure(t, f.call(ended, maintenance.New(registry).WithEndpoint(one)), etcderr.NotSent, context.Canceled)
			if !f.member {
				wantFailure(t, f.call(t.Context(), ctx.Ctx{}), etcderr.NotSent, conn.ErrNotOpen)
				wantFailure(t, f.call(ended, maintenance.New(registry)), etcderr.NotSent, context.Canceled)
			}
			var none context.Context
			if err := f.call(none, maintenance.New(registry).WithEndpoint(one).WithTimeout(timeout)); etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("without a parent context: %v", err)
			}
		})
	}
	checkFolder(t, folder)
}

func TestUnknownAlarmsAndActionsAreNotSent(t *testing.T) {
	c := maintenance.New(registry)
	wantInvalid(t, alarmDisarm(1, pb.AlarmType_NONE)(t.Context(), c), "maintenance: NONE is no alarm, in an alarm disarm request")
	wantInvalid(t, alarmDisarm(1, 9)(t.Context(), c.WithLimit(0)),
		"ctx: WithLimit does not apply to an alarm disarm request",
		"maintenance: 9 is no alarm, in an alarm disarm request")
	wantInvalid(t, downgrade(9, "3.6")(t.Context(), c.WithLimit(0)),
		"ctx: WithLimit does not apply to a downgrade request",
		"maintenance: unknown action 9 in a downgrade request")
	wantInvalid(t, save("")(t.Context(), c.WithLimit(0)),
		"ctx: WithLimit does not apply to a snapshot request",
		"maintenance: SaveSnapshot needs a path")
}

// checkFolder checks that a folder holds these files and nothing else.
func checkFolder(t *testing.T, folder string, want ...string) {
	t.Helper()
	found, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found {
		names = append(names, f.Name())
	}
	if len(names) != len(want) {
		t.Errorf("the folder holds %q, want %q", names, want)
	}
	for i, name := range names {
		if i < len(want) && name != want[i] {
			t.Errorf("the folder holds %q, want %q", names, want)
		}
	}
}
