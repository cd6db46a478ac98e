// SPDX-License-Identifier: Apache-2.0

// Package debug looks at the page of conn/debug during an outage: as HTML, and with the build tag browser in a real browser.
package debug

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/conn/debug"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/presence"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/watch"
)

// patience bounds what has to come about sooner or later. It is generous, because a machine may be busy.
const patience = 60 * time.Second

// outage is a program in trouble. One member of three is paused, a lock is waited for, and the reader of a watch does not read.
type outage struct {
	url    string // of the page
	frozen string // the endpoint of the member that is paused
	leader string // the endpoint of the one that leads
	ahead  string // the key that the lock waits for
}

const (
	lockName = "nightly-report"
	prefix   = "jobs/"
	buffer   = 256 << 10 // of the watch, in bytes
)

// begin begins an outage, and returns when the page knows of all of it.
func begin(t *testing.T) outage {
	t.Helper()
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c, err := conn.Open(t.Context(), "registry", cluster.Endpoints(), conn.WithHealthCheckInterval(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(debug.Handler())
	t.Cleanup(server.Close)
	o := outage{url: server.URL}
	work(t)
	leader, paused := cluster.Leader(), cluster.Member(0)
	if paused == leader {
		paused = cluster.Member(1)
	}
	o.frozen, o.leader = paused.Endpoint(), leader.Endpoint()
	paused.Pause()
	t.Cleanup(paused.Resume)
	if _, err := watch.Watch(t.Context(), watch.New("registry").WithKey(prefix).WithPrefix(), watch.WithBuffer(buffer)); err != nil {
		t.Fatal(err)
	}
	o.await(t)
	return o
}

// work has the program do what programs do.
func work(t *testing.T) {
	t.Helper()
	life, stop := context.WithCancel(t.Context())
	if _, err := table.Follow(life, table.New("registry").WithKey("config/").WithPrefix(), table.String); err != nil {
		t.Fatal(err)
	}
	p, err := presence.Keep(life, presence.New("registry").WithKey("services/report/a").WithValue("10.0.0.1:80"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	held := make(chan struct{})
	calls.Go(func() {
		_ = lock.Do(life, lock.New("registry").WithName(lockName), time.Minute, func(holding context.Context, _ lock.Held) error {
			close(held)
			<-holding.Done()
			return nil
		})
	})
	<-held
	calls.Go(func() {
		_ = lock.Do(life, lock.New("registry").WithName(lockName), time.Minute, func(context.Context, lock.Held) error { return nil })
	})
	t.Cleanup(func() {
		stop()
		calls.Wait()
		<-p.Done()
	})
}

// await waits until the JSON shows the outage. Meanwhile it writes what the watch is to get, until its reader lags. It asks the leader,
// since a write to the paused member would wait for its answer, which may never come.
func (o *outage) await(t *testing.T) {
	t.Helper()
	value := strings.Repeat("x", 8<<10)
	var missing error
	for began := time.Now(); time.Since(began) < patience; {
		var now moment
		if err := json.Unmarshal(o.get(t, "?format=json"), &now); err != nil {
			t.Fatal(err)
		}
		var lags bool
		if lags, missing = o.has(now); missing == nil {
			return
		}
		if lags {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		write := kv.New("registry").WithKey(prefix + "1").WithValue(value).WithEndpoint(o.leader)
		if _, err := kv.Put(t.Context(), write); err != nil {
			missing = err // on a busy machine it may be away for a moment
		}
	}
	t.Fatalf("there is no outage: %v", missing)
}

// moment is the part of the JSON that shows the outage.
type moment struct {
	Connections []struct {
		Endpoints []struct{ Address, State string }
		Watches   []struct {
			Keys    struct{ Name string }
			Waiting int `json:"waiting_bytes"`
		}
		Claims []struct {
			Name, State string
			WaitsFor    struct{ Key string } `json:"waits_for"`
		}
	}
}

// has reports whether the watch lags, and what is missing of the outage.
func (o *outage) has(now moment) (lags bool, missing error) {
	if len(now.Connections) != 1 {
		return false, fmt.Errorf("%d connections", len(now.Connections))
	}
	c := now.Connections[0]
	var frozen, waits bool
	for _, e := range c.Endpoints {
		frozen = frozen || e.Address == o.frozen && e.State == "Frozen"
	}
	for _, l := range c.Claims {
		if l.State == "waiting" {
			waits, o.ahead = true, l.WaitsFor.Key
		}
	}
	for _, w := range c.Watches {
		if w.Keys.Name == prefix && w.Waiting > buffer/2 {
			lags = true
		}
	}
	if frozen && waits && lags {
		return true, nil
	}
	return lags, fmt.Errorf("frozen: %v, waits: %v, lags: %v", frozen, waits, lags)
}

// get returns the page.
func (o *outage) get(t *testing.T, query string) []byte {
	t.Helper()
	answer, err := http.Get(o.url + query)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %v", answer.StatusCode, err)
	}
	return body
}
