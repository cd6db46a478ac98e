// SPDX-License-Identifier: Apache-2.0

package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/authpb"
	"github.com/eetcd-go/eetcd/kv"
)

func TestUsersAndRolesAreListedUntilTheyAreDeleted(t *testing.T) {
	c := auth.New(registry)
	tidy(t, c)
	user, other, role := t.Name()+"-user", t.Name()+"-other", t.Name()+"-role"
	must(t, c,
		of2(auth.UserAdd, user, password), of1(auth.UserAddNoPassword, other),
		of1(auth.RoleAdd, role), of1(auth.RoleAdd, role+"2"),
		of2(auth.UserGrantRole, user, role+"2"), of2(auth.UserGrantRole, user, role), of2(auth.UserGrantRole, other, role),
		of2(auth.UserGrantRole, user, role), // again
	)
	if list, err := auth.UserList(t.Context(), c); err != nil || !slices.Contains(list.GetUsers(), user) || !slices.Contains(list.GetUsers(), other) {
		t.Errorf("users %q, %v", list.GetUsers(), err)
	}
	if list, err := auth.RoleList(t.Context(), c); err != nil || !slices.Contains(list.GetRoles(), role) {
		t.Errorf("roles %q, %v", list.GetRoles(), err)
	}
	checkRoles(t, c, user, role, role+"2")
	checkRoles(t, c, other, role)

	must(t, c, of2(auth.UserRevokeRole, user, role+"2"))
	checkRoles(t, c, user, role)
	must(t, c, of1(auth.RoleDelete, role))
	checkRoles(t, c, user)
	checkRoles(t, c, other)
	if list, err := auth.RoleList(t.Context(), c); err != nil || slices.Contains(list.GetRoles(), role) {
		t.Errorf("roles %q, %v", list.GetRoles(), err)
	}
	must(t, c, of1(auth.UserDelete, user))
	if list, err := auth.UserList(t.Context(), c); err != nil || slices.Contains(list.GetUsers(), user) {
		t.Errorf("users %q, %v", list.GetUsers(), err)
	}
}

func checkRoles(t *testing.T, c ctx.Ctx, user string, want ...string) {
	t.Helper()
	if got, err := auth.UserGet(t.Context(), c, user); err != nil || !slices.Equal(got.GetRoles(), want) {
		t.Errorf("roles of %s: %q, %v; want %q", user, got.GetRoles(), err, want)
	}
}

func TestPermissionIsForExactlyTheKeysItWasGrantedFor(t *testing.T) {
	c := auth.New(registry)
	tidy(t, c)
	role := t.Name()
	check := func(want ...string) {
		t.Helper()
		response, err := auth.RoleGet(t.Context(), c, role)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range response.GetPerm() {
			got = append(got, fmt.Sprintf("%v %q %q", p.GetPermType(), p.GetKey(), p.GetRangeEnd()))
		}
		if !slices.Equal(got, want) {
			t.Errorf("permissions\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	must(t, c, of1(auth.RoleAdd, role))
	check()
	must(t, c,
		grant(role, "p/", ctx.PrefixEnd("p/"), authpb.Permission_READ),
		grant(role, "from", "\x00", authpb.Permission_READWRITE),
		grant(role, "key", "", authpb.Permission_WRITE),
	)
	check(`READWRITE "from" "\x00"`, `WRITE "key" ""`, `READ "p/" "p0"`)
	must(t, c, grant(role, "p/", ctx.PrefixEnd("p/"), authpb.Permission_WRITE)) // replaces
	check(`READWRITE "from" "\x00"`, `WRITE "key" ""`, `WRITE "p/" "p0"`)
	must(t, c, revoke(role, "p/", ctx.PrefixEnd("p/")), revoke(role, "key", ""))
	check(`READWRITE "from" "\x00"`)
}

// try is one use of a key or of a range, which is given by its prefix.
type try struct {
	what, key, end string
	allowed        bool
}

func (r try) do(parent context.Context, c ctx.Ctx) error {
	c = c.WithKey(r.key)
	if r.end != "" {
		c = c.WithRangeEnd(r.end)
	}
	var err error
	switch r.what {
	case "get":
		_, err = kv.Get(parent, c)
	case "put":
		_, err = kv.Put(parent, c.WithValue("v"))
	case "delete":
		_, err = kv.Delete(parent, c)
	}
	return err
}

func (r try) check(t *testing.T, c ctx.Ctx) {
	t.Helper()
	switch err := r.do(t.Context(), c); {
	case r.allowed && err != nil:
		t.Errorf("%s of %q %q: %v", r.what, r.key, r.end, err)
	case !r.allowed:
		wantFailure(t, err, etcderr.Rejected, etcderr.ErrPermissionDenied)
	}
}

// secured starts a cluster with auth on, and opens a connection as root.
func secured(t *testing.T) (cluster *etcdtest.Cluster, anybody *conn.Conn, root ctx.Ctx) {
	t.Helper()
	cluster = etcdtest.Start(t, cheap)
	anybody = open(t, cluster)
	c := auth.New(anybody.Name())
	must(t, c, of2(auth.UserAdd, "root", password))
	wantFailure(t, of(auth.Enable)(t.Context(), c), etcderr.Rejected, etcderr.ErrRootRoleNotExist)
	must(t, c, of2(auth.UserGrantRole, "root", "root"), of(auth.Enable))
	return cluster, anybody, as(t, cluster, anybody, "root", password)
}

func TestRolesAllowWhatTheyWereGrantedAndNothingElse(t *testing.T) {
	cluster, anybody, root := secured(t)
	for _, user := range []struct {
		name  string
		grant func(role string) call
		tries []try
	}{
		{
			"reads a prefix",
			func(role string) call { return grant(role, "p/", ctx.PrefixEnd("p/"), authpb.Permission_READ) },
			[]try{
				{"get", "p/", "", true}, {"get", "p/z", "", true}, {"get", "p/", "p0", true}, {"get", "p/a", "p/c", true},
				{"get", "p0", "", false}, {"get", "p", "", false}, {"get", "p/", "p1", false}, {"get", "p/", "\x00", false},
				{"put", "p/a", "", false}, {"delete", "p/", "p0", false},
			},
		},
		{
			"writes a range",
			func(role string) call { return grant(role, "w/b", "w/d", authpb.Permission_WRITE) },
			[]try{
				{"put", "w/b", "", true}, {"put", "w/czz", "", true}, {"delete", "w/b", "w/d", true}, {"delete", "w/c", "", true},
				{"put", "w/d", "", false}, {"put", "w/a", "", false}, {"delete", "w/b", "w/e", false}, {"delete", "w/a", "w/d", false},
				{"get", "w/b", "", false}, {"get", "w/b", "w/d", false},
			},
		},
		{
			"reads and writes a key",
			func(role string) call { return grant(role, "key", "", authpb.Permission_READWRITE) },
			[]try{
				{"put", "key", "", true}, {"get", "key", "", true}, {"delete", "key", "", true},
				{"put", "key2", "", false}, {"get", "ke", "", false}, {"get", "key", "key2", false},
			},
		},
		{
			"reads and writes from a key on",
			func(role string) call { return grant(role, "x", "\x00", authpb.Permission_READWRITE) },
			[]try{
				{"put", "x", "", true}, {"get", "x", "\x00", true}, {"put", "\xff\xff", "", true}, {"delete", "y", "z", true},
				{"put", "w", "", false}, {"get", "w", "\x00", false},
			},
		},
		{
			"reads all keys",
			func(role string) call { return grant(role, "\x00", "\x00", authpb.Permission_READ) },
			[]try{{"get", "\x00", "\x00", true}, {"get", "any", "", true}, {"put", "any", "", false}},
		},
	} {
		t.Run(user.name, func(t *testing.T) {
			role := "who " + user.name
			must(t, root, of1(auth.RoleAdd, role), user.grant(role), of2(auth.UserAdd, user.name, password))
			c := as(t, cluster, anybody, user.name, password)
			try{"get", user.tries[0].key, "", false}.check(t, c)
			must(t, root, of2(auth.UserGrantRole, user.name, role))
			for _, r := range user.tries {
				r.check(t, c)
			}
			must(t, root, of2(auth.UserRevokeRole, user.name, role))
			try{user.tries[0].what, user.tries[0].key, "", false}.check(t, c)
		})
	}
	t.Run("root", func(t *testing.T) {
		for _, what := range []string{"put", "get", "delete"} {
			try{what, "root's", "", true}.check(t, root)
		}
	})
}

func TestChangesOfPermissionsActAtOnce(t *testing.T) {
	cluster, anybody, root := secured(t)
	must(t, root, of1(auth.RoleAdd, "role"), of2(auth.UserAdd, "user", password), of2(auth.UserGrantRole, "user", "role"))
	c := as(t, cluster, anybody, "user", password)
	read, write := try{what: "get", key: "k"}, try{what: "put", key: "k"}
	for _, step := range []struct {
		name          string
		change        call
		reads, writes bool
	}{
		{"grant READ", grant("role", "k", "", authpb.Permission_READ), true, false},
		{"grant WRITE instead", grant("role", "k", "", authpb.Permission_WRITE), false, true},
		{"grant READWRITE instead", grant("role", "k", "", authpb.Permission_READWRITE), true, true},
		{"revoke", revoke("role", "k", ""), false, false},
		{"grant READ again", grant("role", "k", "", authpb.Permission_READ), true, false},
		{"delete the role", of1(auth.RoleDelete, "role"), false, false},
	} {
		must(t, root, step.change)
		read.allowed, write.allowed = step.reads, step.writes
		t.Run(step.name, func(t *testing.T) {
			read.check(t, c)
			write.check(t, c)
		})
	}
}

func TestOnlyRootMayAdministerWhileAuthIsOn(t *testing.T) {
	cluster, anybody, root := secured(t)
	must(t, root, of1(auth.RoleAdd, "role"), of2(auth.UserAdd, "user", password), of2(auth.UserGrantRole, "user", "role"))
	user := as(t, cluster, anybody, "user", password)
	for _, f := range functions {
		if f.name == "Status" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			wantFailure(t, f.call(t.Context(), auth.New(anybody.Name())), etcderr.Rejected, etcderr.ErrUserEmpty)
			wantFailure(t, f.call(t.Context(), user), etcderr.Rejected, etcderr.ErrPermissionDenied)
		})
	}
	for name, own := range map[string]call{"UserGet": of1(auth.UserGet, "user"), "RoleGet": of1(auth.RoleGet, "role")} {
		if err := own(t.Context(), user); err != nil {
			t.Errorf("%s of the user's own name or role: %v", name, err)
		}
	}
	on, err := auth.Status(t.Context(), root)
	if isOld(cluster) {
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("Status of a server that does not know it: %v", err)
		}
	} else if err != nil || !on.GetEnabled() || on.GetAuthRevision() == 0 {
		t.Errorf("Status: %v, %v", on, err)
	}
	if cluster.Member(0).Version() >= "v3.7" {
		must(t, user, of(auth.Status))
		must(t, auth.New(anybody.Name()), of(auth.Status))
	}
	for name, protected := range map[string]call{
		"delete the user root":          of1(auth.UserDelete, "root"),
		"delete the role root":          of1(auth.RoleDelete, "root"),
		"revoke the role root of root":  of2(auth.UserRevokeRole, "root", "root"),
		"permission for no key":         grant("role", "", "", authpb.Permission_READ),
		"permission for an empty range": grant("role", "b", "a", authpb.Permission_READ),
	} {
		if isOld(cluster) && strings.HasPrefix(name, "permission") {
			continue // it takes them
		}
		t.Run(name, func(t *testing.T) {
			wantFailure(t, protected(t.Context(), root), etcderr.Rejected, etcderr.ErrInvalidAuthMgmt)
		})
	}
	must(t, root, of(auth.Enable), of(auth.Disable))
	must(t, auth.New(anybody.Name()), of(auth.Disable), of(auth.UserList), of1(auth.UserGet, "root"))
	if on, err := auth.Status(t.Context(), auth.New(anybody.Name())); on.GetEnabled() {
		t.Errorf("Status after Disable: %v, %v", on, err)
	}
}

func TestTokensEndWithAChangeOfPasswordOrUser(t *testing.T) {
	const changed = "another one"
	cluster, anybody, root := secured(t)
	must(t, root, of1(auth.RoleAdd, "role"), grant("role", "k", "", authpb.Permission_READ),
		of2(auth.UserAdd, "user", password), of2(auth.UserGrantRole, "user", "role"))
	read := try{what: "get", key: "k", allowed: true}
	before := as(t, cluster, anybody, "user", password)
	read.check(t, before)

	must(t, root, of2(auth.UserChangePassword, "user", changed))
	wantTokenEnded(t, before)
	_, err := login(t, anybody, "user", password)
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrAuthFailed)
	after := as(t, cluster, anybody, "user", changed)
	read.check(t, after)

	must(t, root, of1(auth.UserDelete, "user"))
	wantTokenEnded(t, after)
	_, err = login(t, anybody, "user", changed)
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrAuthFailed)
}

// wantTokenEnded checks that a connection's token is refused. The SDK takes that for a passing refusal and tries again,
// so the call may end by its deadline.
func wantTokenEnded(t *testing.T, c ctx.Ctx) {
	t.Helper()
	var err error
	for range 10 {
		_, err = kv.Get(t.Context(), c.WithKey("k").WithTimeout(200*time.Millisecond))
		if err == nil || errors.Is(err, etcderr.ErrInvalidAuthToken) {
			break
		}
	}
	wantFailure(t, err, etcderr.Rejected, etcderr.ErrInvalidAuthToken)
}

func TestEmptyAndOverlongPasswordsActAsDocumented(t *testing.T) {
	cluster, anybody, root := secured(t)
	accepts := func(user, password string) bool {
		_, err := login(t, anybody, user, password)
		return err == nil
	}
	must(t, root, of2(auth.UserAdd, "empty", ""), of1(auth.UserAddNoPassword, "none"))
	if !accepts("empty", "") || accepts("empty", "x") {
		t.Error("the empty password is not one like any other")
	}
	must(t, root, of2(auth.UserChangePassword, "empty", ""))
	if accepts("empty", "") != isOld(cluster) {
		t.Errorf("an empty password that was changed to is accepted by %s: %v", cluster.Member(0).Version(), accepts("empty", ""))
	}
	must(t, root, of2(auth.UserChangePassword, "none", password))
	if accepts("none", password) || accepts("none", "") {
		t.Error("a user without password authenticates by one")
	}
	if isOld(cluster) {
		return
	}
	longest := strings.Repeat("p", 72)
	must(t, root, of2(auth.UserAdd, "long", longest))
	if !accepts("long", longest) {
		t.Error("a password of 72 bytes is not accepted")
	}
	for name, tooLong := range map[string]call{
		"UserAdd":            of2(auth.UserAdd, "too long", longest+"p"),
		"UserChangePassword": of2(auth.UserChangePassword, "long", longest+"p"),
	} {
		err := tooLong(t.Context(), root)
		if status.Code(err) != codes.Unknown {
			t.Errorf("%s with a password of 73 bytes: %v", name, err)
		}
		checkSecret(t, err, "pppp")
	}
	if !accepts("long", longest) {
		t.Error("a change that was refused acts")
	}
}
