// SPDX-License-Identifier: Apache-2.0

// Package texts_test checks the error texts of all packages against their common promises.
package texts_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/maintenance"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/stm"
	"github.com/eetcd-go/eetcd/watch"
)

// nobody is an endpoint where nobody listens. These tests need no server.
const nobody = "127.0.0.1:1"

func openLazily(t *testing.T, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(t.Context(), "", []string{nobody}, append(opts, conn.WithLazy())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestErrorNamesTheCauseOfACancellationInOneLine(t *testing.T) {
	c := openLazily(t)
	cause := errors.New("the first line\nand the second")
	parent, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	b := kv.New(c.Name())
	named := b.WithName("n")
	for what, call := range map[string]func() error{
		"conn.Open":  func() error { _, err := conn.Open(parent, "", []string{nobody}); return err },
		"conn.Share": func() error { _, _, err := conn.Share(parent, "texts", []string{nobody}); return err },
		"Sync":       func() error { return c.Sync(parent) },
		"SetEndpoints": func() error {
			// Two reasons to refuse exist at once: the set is being changed, and the call has ended.
			var err error
			for range 50 {
				if err = c.SetEndpoints(parent, []string{"127.0.0.1:2"}); errors.Is(err, cause) {
					break
				}
			}
			return err
		},
		"WaitReady":     func() error { return c.WaitReady(parent) },
		"kv.Get":        func() error { _, err := kv.Get(parent, b.WithKey("k")); return err },
		"kv.Txn":        func() error { _, err := kv.Txn(parent, b, op.If()); return err },
		"watch.Watch":   func() error { _, err := watch.Watch(parent, b.WithKey("k")); return err },
		"lease.Grant":   func() error { _, err := lease.Grant(parent, b, time.Minute); return err },
		"KeepAlive":     func() error { _, err := lease.KeepAlive(parent, b, 7); return err },
		"KeepAliveOnce": func() error { _, err := lease.KeepAliveOnce(parent, b, 7); return err },
		"lock.Do": func() error {
			return lock.Do(parent, named, time.Minute, func(context.Context, lock.Held) error { return nil })
		},
		"lock.Try": func() error {
			_, err := lock.Try(parent, named, time.Minute, func(context.Context, lock.Held) error { return nil })
			return err
		},
		"lock.Acquire": func() error { _, err := lock.Acquire(parent, named.WithLease(7)); return err },
		"election.Run": func() error {
			return election.Run(parent, named, time.Minute, func(context.Context, *election.Leadership) error { return nil })
		},
		"Campaign": func() error { _, err := election.Campaign(parent, named.WithLease(7)); return err },
		"Observer": func() error {
			o, err := election.Observe(parent, named)
			if err != nil {
				return err
			}
			for _, err := range o.All() {
				return err
			}
			return nil
		},
		"stm.Run":  func() error { _, err := stm.Run(parent, b, func(*stm.Tx) error { return nil }); return err },
		"Snapshot": func() error { _, err := maintenance.Snapshot(parent, b); return err },
	} {
		switch err := call(); {
		case err == nil:
			t.Errorf("%s: no error", what)
		case strings.ContainsAny(err.Error(), "\r\n"):
			t.Errorf("%s: %q is not one line", what, err)
		case !errors.Is(err, context.Canceled), !errors.Is(err, cause), !strings.Contains(err.Error(), "the first line and the second"):
			t.Errorf("%s: %q lacks its reason", what, err)
		}
	}
}

func TestErrorOfAFileWithALineBreakInItsNameIsOneLine(t *testing.T) {
	c := openLazily(t)
	path := filepath.Join(t.TempDir(), "no\nfolder", "backup")
	if err := maintenance.SaveSnapshot(t.Context(), kv.New(c.Name()), path, nil); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q", err)
	}
}

func TestNoErrorShowsASecretInAnEndpoint(t *testing.T) {
	const secret = "s3cret"
	var log bytes.Buffer
	c := openLazily(t, conn.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	b := kv.New(c.Name())
	for _, endpoint := range []string{
		"http://u:" + secret + "@127.0.0.1:2379", "u:" + secret + "@127.0.0.1:2379", "http://127.0.0.1:2379?x=" + secret,
		"127.0.0.1:2379?x=" + secret, "http://127.0.0.1:2379#" + secret, "u:" + secret + "://@127.0.0.1:1", "http://u:a/" + secret + "@b:1",
		"http://u:" + secret + "%zz@127.0.0.1:2379", "unix://u:" + secret + "@/run/etcd", "127.0.0.1:x?" + secret,
	} {
		here := b.WithEndpoint(endpoint)
		for what, call := range map[string]func() error{
			"Open":         func() error { _, err := conn.Open(t.Context(), "", []string{endpoint}); return err },
			"SetEndpoints": func() error { return c.SetEndpoints(t.Context(), []string{endpoint}) },
			"Get":          func() error { _, err := kv.Get(t.Context(), here.WithKey("k")); return err },
			"Status":       func() error { _, err := maintenance.Status(t.Context(), here); return err },
			"Watch":        func() error { _, err := watch.Watch(t.Context(), here.WithKey("k")); return err },
		} {
			err := call()
			if !errors.Is(err, conn.ErrEndpoint) {
				t.Errorf("%s of %q: %v", what, endpoint, err)
				continue
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s tells the secret: %v", what, err)
			}
			if (what == "Open" || what == "Status") && strings.Contains(endpoint, "@") && !strings.Contains(err.Error(), "WithCredentials") {
				t.Errorf("%s does not say where credentials belong: %v", what, err)
			}
		}
		for _, tx := range []kv.Request{b, b.WithEndpoint(nobody)} {
			_, err := kv.Txn(t.Context(), tx, op.If().Then(op.Get(here.WithConn("").WithKey("k"))))
			if !errors.Is(err, kv.ErrInvalid) || strings.Contains(err.Error(), secret) {
				t.Errorf("Txn: %v", err)
			}
		}
		if text := here.String(); strings.Contains(text, secret) {
			t.Errorf("the request is told as %s", text)
		}
	}
	_ = c.Close()
	if strings.Contains(log.String(), secret) {
		t.Errorf("the log tells the secret: %s", log.String())
	}
}
