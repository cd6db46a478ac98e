// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/authpb"
	"github.com/eetcd-go/eetcd/internal/sealed"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/presence"
)

func TestKeyThatWasDeletedInHistoryThatIsCompactedComesBack(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3), etcdtest.WithProxy())
	away := cluster.Member(0)
	c, err := conn.Open(t.Context(), "", []string{away.Endpoint()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rest, err := conn.Open(t.Context(), "", cluster.Endpoints()[1:])
	if err != nil {
		t.Fatal(err)
	}
	defer rest.Close()
	others := mine(t).WithConn(rest.Name())
	p := keep(t, mine(t).WithConn(c.Name()), time.Minute)
	before := p.State()
	away.Cut()
	removed, err := kv.Delete(t.Context(), kv.New(sealed.Ctx(others).Conn()).WithKey(t.Name()))
	if err != nil {
		t.Fatal(err)
	}
	put(t, others.WithKey("another"))
	if _, err := kv.Compact(t.Context(), kv.New(sealed.Ctx(others).Conn()).WithRev(removed.GetHeader().GetRevision()+1)); err != nil {
		t.Fatal(err)
	}
	away.Heal()
	if now := backAgain(t, p, before); now.Lease != before.Lease {
		t.Errorf("from %+v to %+v", before, now)
	}
	holds(t, p, others, "a")
}

func TestSetThatRanOutOfTimeCountsWhenANewerOneIsRefused(t *testing.T) {
	t.Parallel()
	c := mine(t)
	p := keep(t, c, time.Minute)
	before := p.State()
	theirs := grant(t, registry, time.Minute)
	put(t, c.WithLease(theirs))
	until(t, p, "told of it", func(s presence.State) bool { return errors.Is(s.Err, presence.ErrHeld) })
	for _, value := range []string{"older", "kept", strings.Repeat("x", 3<<20)} {
		setting, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if err := p.Set(setting, value); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Set while the key is somebody else's: %v", err)
		}
		cancel()
	}
	revoke(t, registry, theirs)
	backAgain(t, p, before)
	holds(t, p, c, "kept")
}

func TestKeyThatMayNotBePutForAWhileComesBack(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t)
	root := auth.New(open(t, cluster))
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(user string) {
		_, err := auth.UserAdd(t.Context(), root, user, "secret")
		step(err)
		_, err = auth.RoleAdd(t.Context(), root, user)
		step(err)
		_, err = auth.UserGrantRole(t.Context(), root, user, user)
		step(err)
	}
	add("root")
	add("service")
	allow := func() {
		_, err := auth.RoleGrantPermission(t.Context(), root, "service", t.Name(), "", authpb.Permission_READWRITE)
		step(err)
	}
	allow()
	_, err := auth.Enable(t.Context(), root)
	step(err)
	root = auth.New(open(t, cluster, conn.WithCredentials("root", "secret")))
	c := mine(t).WithConn(open(t, cluster, conn.WithCredentials("service", "secret")))
	if _, err := presence.Keep(t.Context(), c.WithKey("of somebody else"), time.Minute); !errors.Is(err, etcderr.ErrPermissionDenied) {
		t.Errorf("Keep of a key that the user may not put: %v", err)
	}
	p := keep(t, c, time.Minute)
	before := p.State()
	_, err = auth.RoleRevokePermission(t.Context(), root, "service", t.Name(), "")
	step(err)
	remove(t, mine(t).WithConn(sealed.Ctx(root).Conn()))
	if err := p.Set(t.Context(), "newest"); !errors.Is(err, etcderr.ErrPermissionDenied) {
		t.Errorf("Set of a key that the user may not put: %v", err)
	}
	until(t, p, "told of the refusal", func(s presence.State) bool { return !s.Present && errors.Is(s.Err, etcderr.ErrPermissionDenied) })
	allow()
	backAgain(t, p, before)
	if err := p.Set(t.Context(), "newest"); err != nil {
		t.Error(err)
	}
	holds(t, p, mine(t).WithConn(sealed.Ctx(root).Conn()), "newest")
	leave(t, p)
}
