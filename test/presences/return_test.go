// SPDX-License-Identifier: Apache-2.0

// Package presences shows what a presence is for, beside a plain keepalive of clientv3: it comes back.
package presences

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/test/internal/clients"
	"github.com/eetcd-go/eetcd/test/internal/soak"
)

func TestMain(m *testing.M) {
	onecluster.WaitTogether(5)
	os.Exit(m.Run())
}

// patience bounds what has to come about sooner or later.
const patience = 2 * time.Minute

// returnBound is how long a presence may be away after its server is back. It is generous, because a machine may be busy: the tests
// print the figures.
const returnBound = 30 * time.Second

type outage struct {
	name       string
	begin, end func(*etcdtest.Cluster)
}

// outages are what takes away the only member, and brings it back.
var outages = []outage{
	{"kill", func(c *etcdtest.Cluster) { c.Member(0).Kill() }, func(c *etcdtest.Cluster) { c.Member(0).Restart() }},
	{"SIGSTOP", func(c *etcdtest.Cluster) { c.Member(0).Pause() }, func(c *etcdtest.Cluster) { c.Member(0).Resume() }},
	{"wipe", func(c *etcdtest.Cluster) { c.Member(0).Kill() }, func(c *etcdtest.Cluster) { c.Wipe() }},
}

// TestPresenceComesBackWhereAPlainKeepaliveStaysAway has a process announce itself by both, through outages of twice the TTL.
func TestPresenceComesBackWhereAPlainKeepaliveStaysAway(t *testing.T) {
	t.Parallel()
	const ttl = 2 * time.Second
	rounds := max(1, int(soak.Length(t, 10*time.Second)/(2*ttl+time.Second)))
	for _, outage := range outages {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			cluster := etcdtest.Start(t)
			c := open(t, cluster)
			p, err := presence.Keep(t.Context(), c.WithKey("presence").WithValue("0"), ttl)
			if err != nil {
				t.Fatal(err)
			}
			plain := announce(t, cluster, ttl)
			var took []time.Duration
			for round := range rounds {
				before, began := p.State(), time.Now()
				outage.begin(cluster)
				for p.State().Present {
					time.Sleep(time.Millisecond)
				}
				if s := p.State(); s.Err == nil || s.Rev != 0 || s.Lease != 0 || s.Since.Before(began) {
					t.Errorf("in the outage the state is %+v", s)
				}
				value := strconv.Itoa(round + 1)
				setting, cancel := context.WithTimeout(t.Context(), ttl)
				_ = p.Set(setting, value) // it runs out of time, and counts; a context that has ended before would not
				cancel()
				outage.end(cluster)
				ended := time.Now()
				var back presence.State
				for back = range p.Changes() {
					if back.Present {
						break
					}
				}
				took = append(took, max(0, back.Since.Sub(ended)))
				if back.Err != nil || back.Lease == before.Lease || back.Since.Before(began) || outage.name != "wipe" && back.Rev <= before.Rev {
					t.Errorf("the state was %+v, and after the outage it was %+v", before, back)
				}
				there := get(t, c, "presence")
				if len(there.values) != 1 || there.values[0] != value {
					t.Errorf("after the outage the key has %q, want %q", there.values, value)
				}
			}
			<-plain.over
			for began := time.Now(); len(get(t, c, "plain").values) > 0; time.Sleep(10 * time.Millisecond) {
				if time.Since(began) > patience {
					t.Fatal("the key of the plain keepalive outlives its lease")
				}
			}
			time.Sleep(ttl)
			if len(get(t, c, "plain").values) > 0 || len(get(t, c, "presence").values) != 1 {
				t.Error("the key of the plain keepalive came back, or the presence went away")
			}
			slices.Sort(took)
			t.Logf("%s for twice the TTL, %d times: the presence was back %v (median), %v (slowest) after the server was; "+
				"clientv3's keepalive ended with the first outage, and its key stayed away",
				outage.name, rounds, took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
			if slowest := took[len(took)-1]; slowest > returnBound {
				t.Errorf("the presence was away for %v after the server was back", slowest)
			}
			if err := p.Leave(t.Context()); err != nil {
				t.Error(err)
			}
			if there := get(t, c, "presence"); len(there.values) > 0 {
				t.Errorf("after Leave: %v", there)
			}
		})
	}
}

// plain is a program that keeps its key alive as clientv3's documentation has it.
type plain struct{ over chan struct{} } // closed when its channel of renewals is

func announce(t *testing.T, cluster *etcdtest.Cluster, ttl time.Duration) plain {
	t.Helper()
	client := clients.OpenClientV3(t, cluster.Endpoints()...)
	granted, err := client.Grant(t.Context(), int64(ttl.Seconds()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Put(t.Context(), "plain", "there", clientv3.WithLease(granted.ID)); err != nil {
		t.Fatal(err)
	}
	renewals, err := client.KeepAlive(t.Context(), granted.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := plain{make(chan struct{})}
	go func() {
		defer close(p.over)
		for range renewals {
		}
	}()
	return p
}

type found struct{ values []string }

func get(t *testing.T, c presence.Request, prefix string) (f found) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		there, err := kv.Get(t.Context(), c.WithKey(prefix).WithPrefix())
		if err == nil {
			for _, pair := range there.GetKvs() {
				f.values = append(f.values, string(pair.GetValue()))
			}
			return f
		}
		if time.Since(began) > patience {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, cluster *etcdtest.Cluster, opts ...conn.Option) presence.Request {
	t.Helper()
	return openAt(t, cluster.Endpoints(), opts...)
}

func openAt(t *testing.T, endpoints []string, opts ...conn.Option) presence.Request {
	t.Helper()
	return presence.New(onecluster.Open(t, "", endpoints, opts...).Name())
}

// TestNothingRunsAfterAPresenceHasEnded checks each way in which one may end.
func TestNothingRunsAfterAPresenceHasEnded(t *testing.T) {
	cluster := etcdtest.Start(t)
	keep := func(t *testing.T, parent context.Context, c presence.Request, opts ...presence.Option) *presence.Presence {
		t.Helper()
		p, err := presence.Keep(parent, c.WithKey(t.Name()).WithValue("a"), 2*time.Second, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, end := range map[string]func(t *testing.T, c presence.Request, close func()){
		"Leave": func(t *testing.T, c presence.Request, _ func()) {
			p := keep(t, context.Background(), c)
			inner, err := presence.Keep(context.Background(), c.WithKey(t.Name()+"/key"), 0, presence.WithSession(p))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []*presence.Presence{inner, p} {
				if err := p.Leave(context.Background()); err != nil {
					t.Error(err)
				}
			}
		},
		"end of parent": func(t *testing.T, c presence.Request, _ func()) {
			parent, cancel := context.WithCancel(context.Background())
			p := keep(t, parent, c)
			cancel()
			<-p.Done()
		},
		"loss": func(t *testing.T, c presence.Request, _ func()) {
			p := keep(t, context.Background(), c, presence.WithoutReturn())
			if _, err := kv.Delete(context.Background(), c.WithKey(t.Name())); err != nil {
				t.Error(err)
			}
			<-p.Done()
		},
		"Keep that gives up": func(t *testing.T, c presence.Request, _ func()) {
			p := keep(t, context.Background(), c)
			if _, err := presence.Keep(context.Background(), c.WithKey(t.Name()).WithTimeout(100*time.Millisecond), 2*time.Second); err == nil {
				t.Error("two presences have one key")
			}
			if err := p.Leave(context.Background()); err != nil {
				t.Error(err)
			}
		},
		"Close": func(t *testing.T, c presence.Request, close func()) {
			p := keep(t, context.Background(), c)
			var waiting sync.WaitGroup
			waiting.Go(func() {
				for range p.Changes() {
				}
			})
			close()
			<-p.Done()
			waiting.Wait()
		},
		"Close in an outage, after Leave": func(t *testing.T, c presence.Request, close func()) {
			p := keep(t, context.Background(), c)
			cluster.Member(0).Pause()
			defer cluster.Member(0).Resume()
			leaving, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			if err := p.Leave(leaving); err == nil {
				t.Error("Leave succeeds in an outage")
			}
			close()
			<-p.Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			c, err := conn.Open(context.Background(), "", cluster.Endpoints())
			if err != nil {
				t.Fatal(err)
			}
			close := sync.OnceFunc(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
			defer close()
			running := goleak.IgnoreCurrent()
			end(t, presence.New(c.Name()), close)
			// Open may return before the connection has started all goroutines of its endpoint.
			goleak.VerifyNone(t, running,
				goleak.IgnoreAnyFunction("google.golang.org/grpc/internal/transport.(*http2Client).reader"),
				goleak.IgnoreAnyFunction("github.com/eetcd-go/eetcd/internal/member.(*keeper).attend.func1"))
			close()
			goleak.VerifyNone(t, before)
		})
	}
}
