// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/engine"
	"github.com/eetcd-go/eetcd/kv"
)

// mustNamespace opens a namespace, which the test or its connection closes.
func mustNamespace(t *testing.T, c *conn.Conn, name, prefix string) *conn.Conn {
	t.Helper()
	n, err := c.Namespace(name, prefix)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNamespaceRefusesBadNamesPrefixesAndClosedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		mustNamespace(t, c, "taken", "p/")
		for _, tt := range []struct {
			name, prefix, text string
			want               error
		}{
			{"", "p/", "needs a name", conn.ErrOption},
			{"n", "", "needs a prefix", conn.ErrOption},
			{"", "", "needs a name; conn: bad option: Namespace needs a prefix", conn.ErrOption},
			{"taken", "other/", `"taken"`, conn.ErrAlreadyOpen},
			{c.Name(), "p/", c.Name(), conn.ErrAlreadyOpen},
		} {
			n, err := c.Namespace(tt.name, tt.prefix)
			if n != nil || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("Namespace(%q, %q) returns %v, %v", tt.name, tt.prefix, n, err)
			}
		}
		if _, err := conn.Open(t.Context(), "taken", endpoints(a), network(a)); !errors.Is(err, conn.ErrAlreadyOpen) {
			t.Errorf("Open under the name of a namespace: %v", err)
		}
		if _, _, err := conn.Share(t.Context(), "taken", endpoints(a), network(a)); !errors.Is(err, conn.ErrAlreadyOpen) {
			t.Errorf("Share under the name of a namespace: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := c.Namespace("late", "p/"); !errors.Is(err, conn.ErrClosed) {
			t.Errorf("Namespace of a closed connection: %v", err)
		}
		for _, name := range []string{"taken", "late"} {
			if _, err := conn.Lookup(name); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("after Close the name %q gives %v", name, err)
			}
		}
	})
}

func TestNamespaceSharesTheEndpointsOfItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		c := openFake(t, []*member{a, b})
		n := mustNamespace(t, c, "tenant", "p/")
		dials := a.Dials.Load() + b.Dials.Load()
		if found, err := conn.Lookup("tenant"); err != nil || found != n || n.Name() != "tenant" {
			t.Errorf("Lookup returns %v, %v", found, err)
		}
		for range 4 {
			if _, err := kv.Get(t.Context(), kv.New("tenant").WithKey("k")); err != nil {
				t.Error(err)
			}
		}
		if err := n.WaitReady(t.Context()); err != nil {
			t.Error(err)
		}
		info := n.Info()
		if len(info) != 2 || info[0].Name != "tenant" || info[0].Address != "a:1" || info[0].State != conn.Active {
			t.Errorf("the namespace has the endpoints %v", info)
		}
		if all := conn.Info(); len(all) != 2 || all[0].Name != c.Name() {
			t.Errorf("all endpoints are %v, which should be those of the connection once", all)
		}
		// A change of the endpoints is one for both.
		if err := n.SetEndpoints(t.Context(), endpoints(b)); err != nil {
			t.Error(err)
		}
		if got := addresses(c); len(got) != 1 || got[0] != "b:1" {
			t.Errorf("the connection has the endpoints %v", got)
		}
		b.list(map[string][]string{"b": {"http://b:1"}})
		if err := n.Sync(t.Context()); err != nil {
			t.Error(err)
		}
		if now := a.Dials.Load() + b.Dials.Load(); now != dials {
			t.Errorf("the namespace has dialled %d times", now-dials)
		}
	})
}

func TestNamespaceCloseEndsOnlyWhatIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		n := mustNamespace(t, c, "tenant", "p/")
		inner := mustNamespace(t, n, "inner", "q/")
		other := mustNamespace(t, c, "other", "p/")
		stream := func(c *conn.Conn) pb.Watch_WatchClient {
			s, err := pb.NewWatchClient(c).Watch(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r, err := s.Recv(); err != nil || !r.Created {
				t.Fatalf("got %v, %v", r, err)
			}
			return s
		}
		own, nested, others, whole := stream(n), stream(inner), stream(other), stream(c)
		a.Pause()
		var calls sync.WaitGroup
		for _, closed := range []*conn.Conn{n, inner} {
			calls.Go(func() {
				if _, err := get(t.Context(), closed); !errors.Is(err, conn.ErrClosed) {
					t.Errorf("a call under way in %q ended with %v", closed.Name(), err)
				}
			})
		}
		for _, open := range []*conn.Conn{other, c} {
			calls.Go(func() {
				if _, err := get(t.Context(), open); err != nil {
					t.Errorf("a call under way in %q ended with %v", open.Name(), err)
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait() // the calls end before the member answers again
		a.Resume()
		calls.Wait()
		for name, s := range map[string]pb.Watch_WatchClient{"tenant": own, "inner": nested} {
			if _, err := s.Recv(); !errors.Is(err, conn.ErrClosed) {
				t.Errorf("the stream of %q ended with %v", name, err)
			}
			if _, err := conn.Lookup(name); !errors.Is(err, conn.ErrNotOpen) {
				t.Errorf("Lookup of %q: %v", name, err)
			}
		}
		ended := make(chan error, 2)
		for _, s := range []pb.Watch_WatchClient{others, whole} {
			go func() {
				_, err := s.Recv()
				ended <- err
			}()
		}
		synctest.Wait()
		if len(ended) > 0 {
			t.Errorf("another stream ended with %v", <-ended)
		}
		for name, call := range map[string]func() error{
			"Invoke":       func() error { _, err := get(t.Context(), n); return err },
			"NewStream":    func() error { _, err := pb.NewWatchClient(n).Watch(t.Context()); return err },
			"Sync":         func() error { return n.Sync(t.Context()) },
			"SetEndpoints": func() error { return n.SetEndpoints(t.Context(), endpoints(a)) },
			"WaitReady":    func() error { return n.WaitReady(t.Context()) },
			"Namespace":    func() error { _, err := n.Namespace("another", "q/"); return err },
		} {
			if err := call(); !errors.Is(err, conn.ErrClosed) {
				t.Errorf("%s of a closed namespace: %v", name, err)
			}
		}
		if err := n.Close(); err != nil {
			t.Errorf("the second Close returns %v", err)
		}
		again := mustNamespace(t, c, "tenant", "r/")
		if _, err := get(t.Context(), again); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-ended; !errors.Is(err, conn.ErrClosed) {
				t.Errorf("after Close of the connection a stream ended with %v", err)
			}
		}
	})
}

func TestConnectionClosesItsNamespacesWhateverHappensAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		for range 8 {
			c := openFake(t, []*member{a})
			inner := mustNamespace(t, mustNamespace(t, c, "outer", "p/"), "inner", "q/")
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for {
						n, err := inner.Namespace("busy", "r/")
						switch {
						case errors.Is(err, conn.ErrClosed):
							return
						case errors.Is(err, conn.ErrAlreadyOpen):
						case err != nil:
							t.Error(err)
							return
						default:
							if _, err := get(t.Context(), n); err != nil && !errors.Is(err, conn.ErrClosed) {
								t.Error(err)
							}
							if err := n.Close(); err != nil {
								t.Error(err)
							}
						}
						time.Sleep(time.Millisecond)
					}
				})
				all.Go(func() {
					for {
						if _, err := get(t.Context(), inner); err != nil {
							if !errors.Is(err, conn.ErrClosed) {
								t.Errorf("a call ended with %v", err)
							}
							return
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			time.Sleep(10 * time.Millisecond)
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			all.Wait()
			if left := engine.All(); len(left) != 0 {
				t.Fatalf("%d connections are open, such as %q", len(left), left[0].Name())
			}
		}
	})
}

func TestNamespaceRefusesWhatConcernsTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newMember(t, "a")
		c := openFake(t, []*member{a})
		n := mustNamespace(t, c, "tenant", "p/")
		probes := a.Probes.Load()
		for name, call := range map[string]func(context.Context) error{
			"Status": func(parent context.Context) error {
				_, err := pb.NewMaintenanceClient(n).Status(parent, &pb.StatusRequest{}, conn.OnEndpoint("a:1"))
				return err
			},
			"Snapshot": func(parent context.Context) error {
				_, err := pb.NewMaintenanceClient(n).Snapshot(parent, &pb.SnapshotRequest{})
				return err
			},
			"Unknown": func(parent context.Context) error {
				return n.Invoke(parent, "/etcdserverpb.KV/Unheard", &pb.RangeRequest{}, &pb.RangeResponse{})
			},
		} {
			if err := call(t.Context()); !errors.Is(err, kv.ErrInvalid) || etcderr.OutcomeOf(err) != etcderr.NotSent {
				t.Errorf("%s in a namespace: %v", name, err)
			}
		}
		if now := a.Probes.Load(); now != probes {
			t.Error("a refused request was sent")
		}
	})
}
