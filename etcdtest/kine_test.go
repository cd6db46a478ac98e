// SPDX-License-Identifier: Apache-2.0

//go:build unix

package etcdtest

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

func TestKineThatCannotBeBuiltFailsWithTheReason(t *testing.T) {
	cleanEnv(t)
	t.Setenv("PATH", t.TempDir())
	_, err := KineBinary(t.Context())
	fake := &fakeTB{TB: t}
	reached := false
	fake.run(func() {
		StartKine(fake)
		reached = true
	})
	if reached || len(fake.errors) != 1 || err == nil {
		t.Fatalf("the test went on: %t; errors %q, %v", reached, fake.errors, err)
	}
	for _, want := range []string{"kine " + KineVersion, "go command", "Go module proxy"} {
		if !strings.Contains(fake.errors[0], want) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the errors: %s; %v", want, fake.errors[0], err)
		}
	}
}

// create is the only write that kine has for a key that is not there.
func (s stub) create(timeout time.Duration, key, value string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	missing := &pb.Compare{
		Key: []byte(key), Target: pb.Compare_MOD, Result: pb.Compare_EQUAL, TargetUnion: &pb.Compare_ModRevision{},
	}
	put := &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: []byte(key), Value: []byte(value)}}}
	_, err := pb.NewKVClient(s.cc).Txn(ctx, &pb.TxnRequest{Compare: []*pb.Compare{missing}, Success: []*pb.RequestOp{put}})
	return err
}

// mustHold fails unless kine says soon that a key has a value.
func mustHold(t *testing.T, k *Kine, key, want string) {
	t.Helper()
	g := dialGRPC(t, k.Endpoint(), nil)
	eventually(t, 15*time.Second, "get "+key, func() error {
		got, err := g.get(2*time.Second, key)
		if err == nil && got != want {
			t.Fatalf("get %s = %q, want %q", key, got, want)
		}
		return err
	})
}

func TestKineKeepsDataAndAddressOverRestart(t *testing.T) {
	k := StartKine(t)
	endpoint := k.Endpoint()
	if err := dialGRPC(t, endpoint, nil).create(5*time.Second, "/k", "v"); err != nil {
		t.Fatalf("the first write: %v", err)
	}
	for name, end := range map[string]func(){"Kill": k.Kill, "Stop": k.Stop, "nothing": func() {}} {
		end()
		if name != "nothing" && k.Alive() {
			t.Errorf("alive after %s", name)
		}
		k.Restart()
		if !k.Alive() || k.Endpoint() != endpoint {
			t.Errorf("alive: %t, at %s; was at %s", k.Alive(), k.Endpoint(), endpoint)
		}
		mustHold(t, k, "/k", "v")
	}
	k.Cut()
	if err := dialGRPC(t, endpoint, nil).create(time.Second, "/k2", "v"); err == nil {
		t.Error("a write through a network that is cut")
	}
	k.Heal()
	mustHold(t, k, "/k", "v")
	if k.Log() == "" {
		t.Error("no log")
	}
}

func TestKineEndsWithItsTestAndReportsFailures(t *testing.T) {
	fake := &fakeTB{TB: t}
	var k *Kine
	var marked bool
	fake.run(func() {
		k = StartKine(fake)
		k.Kill()
		k.Pause()
		marked = fake.Failed()
		k.Restart()
	})
	if !marked || len(fake.errors) != 1 || len(fake.logs) != 1 {
		t.Errorf("errors %q, logs %q", fake.errors, fake.logs)
	}
	if k.Alive() {
		t.Error("runs on after its test")
	}
	if _, err := os.Stat(k.dir); !os.IsNotExist(err) {
		t.Errorf("data: %v", err)
	}
	k.Restart()
	if k.Alive() || len(fake.errors) != 1 {
		t.Errorf("after the test: alive %t, errors %q", k.Alive(), fake.errors)
	}
}
