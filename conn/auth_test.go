// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"errors"
	"testing"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// An endpoint that refuses the question for its leader is not at fault, so it stays Active.
func TestCallWithoutCredentialsReturnsTheServersAuthError(t *testing.T) {
	cluster := etcdtest.Start(t, cheap)
	before := open(t, "", cluster.Endpoints())
	auth := pb.NewAuthClient(before)
	for _, step := range []func() error{
		func() error {
			_, err := auth.UserAdd(t.Context(), &pb.AuthUserAddRequest{Name: "root", Password: "secret"})
			return err
		},
		func() error {
			_, err := auth.UserGrantRole(t.Context(), &pb.AuthUserGrantRoleRequest{User: "root", Role: "root"})
			return err
		},
		func() error {
			_, err := auth.AuthEnable(t.Context(), &pb.AuthEnableRequest{})
			return err
		},
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	after := open(t, "", cluster.Endpoints())
	for name, c := range map[string]*conn.Conn{"opened before": before, "opened after": after} {
		for what, call := range map[string]func() error{
			"read":  func() error { _, err := get(t.Context(), c); return err },
			"write": func() error { _, err := put(t.Context(), c); return err },
		} {
			if err := call(); !errors.Is(err, etcderr.ErrUserEmpty) || etcderr.OutcomeOf(err) != etcderr.Rejected {
				t.Errorf("a %s on a connection %s auth was on: %v", what, name, err)
			}
		}
		if e := c.Info()[0]; e.State != conn.Active {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
