// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/eetcd-go/eetcd/auth"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

func TestCredentialsThatChangeAreAskedForAtEachAuthentication(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithFlags("--auth-token-ttl=1"))
	withUsers(t, cluster)
	var password atomic.Pointer[string]
	set := func(p string) { password.Store(&p) }
	set(userPassword)
	failing := errors.New("the vault is closed")
	c := open(t, "", cluster.Endpoints(), conn.WithCredentialsFunc(func(context.Context) (string, string, error) {
		p := *password.Load()
		if p == "" {
			return "", "", failing
		}
		return "user", p, nil
	}))
	key := kv.New(c.Name()).WithKey("mine/k").WithValue("v")
	if _, err := kv.Put(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	const changed = "another one"
	root := open(t, "", cluster.Endpoints(), conn.WithCredentials("root", rootPassword))
	if _, err := auth.UserChangePassword(t.Context(), auth.New(root.Name()), "user", changed); err != nil {
		t.Fatal(err)
	}
	set("")
	waitFor(t, func() bool {
		_, err := kv.Put(t.Context(), key)
		return errors.Is(err, failing) && !strings.Contains(err.Error(), changed)
	})
	set(changed)
	waitFor(t, func() bool { _, err := kv.Put(t.Context(), key); return err == nil })
}

func TestBadCredentialsOptionsAreRefused(t *testing.T) {
	ask := func(context.Context) (string, string, error) { return "u", "p", nil }
	for name, opts := range map[string][]conn.Option{
		"nil":                    {conn.WithCredentialsFunc(nil)},
		"beside WithCredentials": {conn.WithCredentialsFunc(ask), conn.WithCredentials("u", "p")},
	} {
		if _, err := conn.Open(t.Context(), "", []string{"127.0.0.1:1"}, opts...); !errors.Is(err, conn.ErrOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorOfACredentialsFunctionIsToldInOneLine(t *testing.T) {
	cluster := etcdtest.Start(t)
	withUsers(t, cluster)
	failing := errors.New("the vault is sealed\nunseal it first")
	ask := conn.WithCredentialsFunc(func(context.Context) (string, string, error) { return "", "", failing })
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, failing) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "sealed unseal") {
			t.Errorf("%s: %q", what, err)
		}
	}
	_, err := conn.Open(t.Context(), "", cluster.Endpoints(), ask)
	check("Open", err)
	c := open(t, "", cluster.Endpoints(), ask, conn.WithLazy(), conn.WithPatience(0))
	waitFor(t, func() bool { return errors.Is(c.Info()[0].Err, failing) })
	check("Info", c.Info()[0].Err)
	_, err = kv.Get(t.Context(), kv.New(c.Name()).WithKey("mine/k"))
	check("Get", err)
}
