// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/cluster"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/gen/authpb"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/maintenance"
)

func TestFunctionsThatConcernTheClusterAreRefusedInANamespace(t *testing.T) {
	c, _ := both(t)
	namespaceOf(t, c, "refused", "refused/")
	ctx, to, one := t.Context(), kv.New("refused"), servers.Endpoints()[0]
	backup := filepath.Join(t.TempDir(), "backup.db")
	for name, call := range map[string]func() error{
		"Compact": func() error { _, err := kv.Compact(ctx, to.WithRev(1)); return err },

		"MemberList":         func() error { _, err := cluster.MemberList(ctx, to); return err },
		"MemberAdd":          func() error { _, err := cluster.MemberAdd(ctx, to, "http://127.0.0.1:1"); return err },
		"MemberAddAsLearner": func() error { _, err := cluster.MemberAddAsLearner(ctx, to, "http://127.0.0.1:1"); return err },
		"MemberPromote":      func() error { _, err := cluster.MemberPromote(ctx, to, 1); return err },
		"MemberRemove":       func() error { _, err := cluster.MemberRemove(ctx, to, 1); return err },
		"MemberUpdate":       func() error { _, err := cluster.MemberUpdate(ctx, to, 1, "http://127.0.0.1:1"); return err },

		"AlarmList":      func() error { _, err := maintenance.AlarmList(ctx, to); return err },
		"AlarmDisarm":    func() error { _, err := maintenance.AlarmDisarm(ctx, to, 1, pb.AlarmType_NOSPACE); return err },
		"AlarmDisarmAll": func() error { _, err := maintenance.AlarmDisarmAll(ctx, to); return err },
		"Defragment":     func() error { _, err := maintenance.Defragment(ctx, to.WithEndpoint(one)); return err },
		"Downgrade": func() error {
			_, err := maintenance.Downgrade(ctx, to, pb.DowngradeRequest_VALIDATE, "3.6")
			return err
		},
		"Hash":         func() error { _, err := maintenance.Hash(ctx, to.WithEndpoint(one)); return err },
		"HashKV":       func() error { _, err := maintenance.HashKV(ctx, to.WithEndpoint(one), 0); return err },
		"Status":       func() error { _, err := maintenance.Status(ctx, to.WithEndpoint(one)); return err },
		"MoveLeader":   func() error { _, err := maintenance.MoveLeader(ctx, to, 1); return err },
		"Snapshot":     func() error { _, err := maintenance.Snapshot(ctx, to); return err },
		"SaveSnapshot": func() error { return maintenance.SaveSnapshot(ctx, to, backup, nil) },

		"Enable":      func() error { _, err := auth.Enable(ctx, to); return err },
		"Disable":     func() error { _, err := auth.Disable(ctx, to); return err },
		"auth.Status": func() error { _, err := auth.Status(ctx, to); return err },
		"UserAdd":     func() error { _, err := auth.UserAdd(ctx, to, "u", "p"); return err },
		"UserList":    func() error { _, err := auth.UserList(ctx, to); return err },
		"UserDelete":  func() error { _, err := auth.UserDelete(ctx, to, "u"); return err },
		"RoleList":    func() error { _, err := auth.RoleList(ctx, to); return err },
		"RoleAdd":     func() error { _, err := auth.RoleAdd(ctx, to, "r"); return err },
		"RoleGrant": func() error {
			_, err := auth.RoleGrantPermission(ctx, to, "r", "k", "", authpb.Permission_READ)
			return err
		},
	} {
		err := call()
		if !errors.Is(err, kv.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("%s in a namespace: %v", name, err)
		}
	}
	if _, err := os.Stat(backup); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refused snapshot leaves a file: %v", err)
	}
}
