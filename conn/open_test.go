// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
)

// open opens a connection to real members. It closes with the test.
func open(t *testing.T, name string, endpoints []string, opts ...conn.Option) *conn.Conn {
	t.Helper()
	c, err := conn.Open(t.Context(), name, endpoints, opts...)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func TestOptionsOutOfRangeAreAllNamedInOneError(t *testing.T) {
	_, err := conn.Open(t.Context(), "bad", []string{"nowhere"},
		conn.WithMode(7), conn.WithConnectTimeout(0), conn.WithHealthCheckInterval(-time.Second), conn.WithHedgeDelay(0),
		conn.WithBackoff(nil), conn.WithLogger(nil), conn.WithPatience(-1), conn.WithDefaultTimeout(5), nil)
	if !errors.Is(err, conn.ErrOption) || !errors.Is(err, conn.ErrEndpoint) || etcderr.OutcomeOf(err) != etcderr.NotSent {
		t.Fatalf("got %v", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q spans lines", err)
	}
	for _, part := range []string{
		"WithMode(Mode(7))", "WithConnectTimeout(0s)", "WithHealthCheckInterval(-1s)", "WithHedgeDelay(0s)", "WithBackoff(nil)",
		"WithLogger(nil)", "WithPatience(-1ns)", "WithDefaultTimeout(5ns)", `"nowhere"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %s", err, part)
		}
	}
	if _, err := conn.Lookup("bad"); !errors.Is(err, conn.ErrNotOpen) {
		t.Errorf("Lookup: %v", err)
	}
}

func TestNamesAreUnique(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		first, err := conn.Open(t.Context(), "names", endpoints(a), dialer(a))
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		if _, err := conn.Open(t.Context(), "names", endpoints(a), dialer(a)); !errors.Is(err, conn.ErrAlreadyOpen) {
			t.Errorf("a second Open of the name: %v", err)
		}
		if c, err := conn.Lookup("names"); c != first || err != nil {
			t.Errorf("Lookup: %v, %v", c, err)
		}
		for _, name := range []string{"", "other"} {
			if _, err := conn.Lookup(name); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("Lookup(%q): %v", name, err)
			}
			if err := conn.Close(name); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("Close(%q): %v", name, err)
			}
		}
		made := map[string]bool{}
		for range 3 {
			c := openFake(t, []*member{a})
			if c.Name() == "" || made[c.Name()] {
				t.Errorf("an empty name made %q", c.Name())
			}
			made[c.Name()] = true
		}
		if err := conn.Close("names"); err != nil {
			t.Error(err)
		}
		if _, err := conn.Lookup("names"); !errors.Is(err, conn.ErrNotOpen) {
			t.Errorf("after Close: %v", err)
		}
		again, err := conn.Open(t.Context(), "names", endpoints(a), dialer(a))
		if err != nil {
			t.Fatal(err)
		}
		// A second Close of the first connection does not touch the one that is open under the name now.
		_ = first.Close()
		if c, _ := conn.Lookup("names"); c != again {
			t.Error("closing the first connection again took the name from the second")
		}
		_ = again.Close()
	})
}

func TestNameIsTakenWhileItIsBeingOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		a.pause()
		parent, cancel := context.WithCancel(t.Context())
		var opening sync.WaitGroup
		opening.Go(func() {
			_, err := conn.Open(parent, "opening", endpoints(a), dialer(a), conn.WithConnectTimeout(time.Hour))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled Open: %v", err)
			}
		})
		time.Sleep(time.Second)
		if _, err := conn.Lookup("opening"); !errors.Is(err, conn.ErrNotOpen) {
			t.Errorf("Lookup while opening: %v", err)
		}
		if _, err := conn.Open(t.Context(), "opening", endpoints(a), dialer(a)); !errors.Is(err, conn.ErrAlreadyOpen) {
			t.Errorf("Open while opening: %v", err)
		}
		cancel()
		opening.Wait()
		a.resume()
		c, err := conn.Open(t.Context(), "opening", endpoints(a), dialer(a))
		if err != nil {
			t.Fatalf("after the failure: %v", err)
		}
		_ = c.Close()
	})
}

func TestOneActiveEndpointIsEnoughToOpen(t *testing.T) {
	for _, tc := range []struct {
		up, down int
		mode     conn.Mode
		opens    bool
	}{
		{1, 0, conn.ConnectAll, true},
		{0, 1, conn.ConnectAll, false},
		{1, 1, conn.ConnectAll, true},
		{2, 1, conn.ConnectAll, true},
		{1, 2, conn.ConnectAll, true},
		{3, 2, conn.ConnectAll, true},
		{0, 3, conn.ConnectAll, false},
		{1, 2, conn.Random, true},
		{0, 3, conn.Random, false},
	} {
		t.Run(fmt.Sprintf("%d up and %d down in %v", tc.up, tc.down, tc.mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var all []*member
				for i := range tc.up + tc.down {
					m := newMember(t, fmt.Sprintf("m%d", i))
					if i >= tc.up {
						m.stop()
					}
					all = append(all, m)
				}
				c, err := conn.Open(t.Context(), "majority", endpoints(all...), dialer(all...), conn.WithMode(tc.mode))
				if tc.opens {
					if err != nil {
						t.Fatal(err)
					}
					if _, err := get(t.Context(), c); err != nil {
						t.Error(err)
					}
					_ = c.Close()
					return
				}
				if !errors.Is(err, conn.ErrUnavailable) {
					t.Fatalf("got %v, %v", c, err)
				}
				for _, m := range all[tc.up:] {
					if want := "dial " + m.name + ":1: connection refused"; !strings.Contains(err.Error(), want) {
						t.Errorf("%v lacks %q", err, want)
					}
				}
				if infos := conn.Info(); len(infos) != 0 {
					t.Errorf("a failed Open left %v", infos)
				}
			})
		})
	}
}

func TestFailedOpenLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		if _, err := conn.Open(t.Context(), "failing", []string{"127.0.0.1:1"}); !errors.Is(err, conn.ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("got %v", err)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

func TestCancelledOpenIsRefused(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := conn.Open(parent, "cancelled", []string{"127.0.0.1:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	//lint:ignore SA1012 a nil context must not panic
	if _, err := conn.Open(nil, "nil", []string{"127.0.0.1:1"}); err == nil {
		t.Error("a nil context was taken")
	}
}

// A zone is for the dialer of this side only (RFC 6874): no server knows the name of an interface here.
func TestEndpointWithAZoneIsReachedWithoutTellingTheZone(t *testing.T) {
	for _, endpoint := range []string{"[fe80::1%lo]:1", "http://[fe80::1%25lo]:1"} {
		synctest.Test(t, func(t *testing.T) {
			var told atomic.Value
			m := newMember(t, "[fe80::1%lo]", grpc.UnaryInterceptor(
				func(parent context.Context, r any, _ *grpc.UnaryServerInfo, serve grpc.UnaryHandler) (any, error) {
					md, _ := metadata.FromIncomingContext(parent)
					told.Store(strings.Join(md.Get(":authority"), ","))
					return serve(parent, r)
				}))
			c, err := conn.Open(t.Context(), "", []string{endpoint}, dialer(m))
			if err != nil {
				t.Fatalf("%s: %v", endpoint, err)
			}
			defer c.Close()
			if got := told.Load(); got != "[fe80::1]:1" {
				t.Errorf("%s: the server is called %v", endpoint, got)
			}
		})
	}
}

func TestServerNameOfTheUserHoldsForAUnixSocketToo(t *testing.T) {
	config := &tls.Config{ServerName: "etcd.example", MinVersion: tls.VersionTLS12}
	_, err := conn.Open(t.Context(), "", []string{"unixs://" + filepath.Join(t.TempDir(), "etcd")}, conn.WithTLS(config))
	if !errors.Is(err, syscall.ENOENT) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestCancelledOpenDoesNotCallAnActiveEndpointLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		parent, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		_, err := conn.Open(parent, "cancelled", []string{"a:1", "void:1"}, dialer(a))
		if !errors.Is(err, context.Canceled) || errors.Is(err, conn.ErrUnavailable) {
			t.Errorf("one endpoint is Active, another is not yet: %v", err)
		}
		if text := fmt.Sprint(err); strings.Contains(text, "lost") || !strings.Contains(text, `"cancelled"`) {
			t.Errorf("one endpoint is Active, another is not yet: %v", err)
		}
	})
}

func TestTLSConnectsWithValidCertificatesOnly(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithTLS())
	plain := etcdtest.Start(t)
	endpoint := cluster.Endpoints()[0]
	bare := strings.TrimPrefix(endpoint, "https://")

	works := []struct {
		name     string
		endpoint string
	}{{"an https endpoint", endpoint}, {"an endpoint without a scheme", bare}}
	for _, tc := range works {
		t.Run(tc.name+" with CA and client certificate", func(t *testing.T) {
			c := open(t, "", []string{tc.endpoint}, conn.WithTLS(cluster.TLSConfig()))
			if _, err := put(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}

	wrongCA := cluster.TLSConfig()
	wrongCA.RootCAs = x509.NewCertPool()
	noCert := cluster.TLSConfig()
	noCert.Certificates = nil
	wrongName := cluster.TLSConfig()
	wrongName.ServerName = "elsewhere.example"
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	fails := []struct {
		name     string
		endpoint string
		tls      *tls.Config
		as       any
		text     string
	}{
		{"wrong CA", endpoint, wrongCA, &unknown, "TLS handshake"},
		{"system roots", endpoint, nil, &unknown, "TLS handshake"},
		{"wrong server name", endpoint, wrongName, &host, "elsewhere.example"},
		{"no client certificate", endpoint, noCert, nil, "certificate"},
		{"https against a plaintext server", "https://" + plain.Endpoints()[0], nil, nil, "TLS handshake"},
		{"plaintext against a TLS server", bare, nil, nil, bare},
	}
	for _, tc := range fails {
		t.Run(tc.name, func(t *testing.T) {
			var opts []conn.Option
			if tc.tls != nil {
				opts = append(opts, conn.WithTLS(tc.tls))
			}
			start := time.Now()
			_, err := conn.Open(t.Context(), "tls", []string{tc.endpoint}, opts...)
			if !errors.Is(err, conn.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), tc.text) {
				t.Errorf("got %v, want %q in it", err, tc.text)
			}
			if tc.as != nil && !errors.As(err, tc.as) {
				t.Errorf("%v is no %T", err, tc.as)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("Open took %v", took)
			}
		})
	}
}

func TestUnixSocketIsAnEndpoint(t *testing.T) {
	plain, secure := etcdtest.Start(t), etcdtest.Start(t, etcdtest.WithTLS())
	for scheme, tt := range map[string]struct {
		to   *etcdtest.Cluster
		opts []conn.Option
	}{
		"unix":  {plain, nil},
		"unixs": {secure, []conn.Option{conn.WithTLS(secure.TLSConfig())}},
	} {
		t.Run(scheme, func(t *testing.T) {
			c := open(t, "", []string{scheme + "://" + socketTo(t, tt.to)}, tt.opts...)
			if _, err := put(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
}

// socketTo leads from a unix socket to a member of a cluster until the test ends.
func socketTo(t *testing.T, cluster *etcdtest.Cluster) (path string) {
	dir, err := os.MkdirTemp("", "eetcd") // t.TempDir may be longer than a socket's path can be
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var forwards sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		forwards.Wait()
		os.RemoveAll(dir)
	})
	forwards.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", strings.TrimPrefix(cluster.Endpoints()[0], "https://"))
			if err != nil {
				in.Close()
				continue
			}
			forwards.Go(func() { _, _ = io.Copy(out, in); out.Close() })
			forwards.Go(func() { _, _ = io.Copy(in, out); in.Close() })
		}
	})
	return path
}

func TestOnEndpointSendsToThatMemberOnly(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, "", cluster.Endpoints())
	for _, m := range cluster.Members() {
		for range 3 {
			r, err := get(t.Context(), c, conn.OnEndpoint(m.Endpoint()))
			if err != nil || r.Header.MemberId != m.ID() {
				t.Errorf("%s answered %v, %v; want member %x", m.Endpoint(), r, err, m.ID())
			}
		}
	}
	spelled := "HTTP://" + cluster.Endpoints()[1] + "/"
	if r, err := get(t.Context(), c, conn.OnEndpoint(spelled)); err != nil || r.Header.MemberId != cluster.Member(1).ID() {
		t.Errorf("spelled as %s: %v, %v", spelled, r, err)
	}
	for _, unknown := range []string{"127.0.0.1:1", ""} {
		if _, err := get(t.Context(), c, conn.OnEndpoint(unknown)); !errors.Is(err, conn.ErrEndpoint) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("endpoint %q: %v", unknown, err)
		}
	}
	down := cluster.Member(1)
	down.Kill()
	waitFor(t, func() bool { return states(c)[down.Endpoint()] == conn.Frozen })
	_, err := get(t.Context(), c, conn.OnEndpoint(down.Endpoint()))
	if !errors.Is(err, conn.ErrUnavailable) || !strings.Contains(err.Error(), down.Endpoint()) || strings.Contains(err.Error(), cluster.Endpoints()[0]) {
		t.Errorf("a Frozen endpoint: %v", err)
	}
	if _, err := get(t.Context(), c); err != nil {
		t.Errorf("a read elsewhere: %v", err)
	}
}

func TestRequestsGoToTheActiveEndpointsInTurn(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, "", cluster.Endpoints())
	served := map[uint64]int{}
	for range 30 {
		r, err := get(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		served[r.Header.MemberId]++
	}
	for _, m := range cluster.Members() {
		if served[m.ID()] != 10 {
			t.Errorf("served %v, want 10 each", served)
		}
	}
}

// waitFor waits until done returns true.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing came within 10 s")
		}
	}
}
