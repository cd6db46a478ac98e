// SPDX-License-Identifier: Apache-2.0

package debug_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
	"github.com/eetcd-go/eetcd/watch"
)

func members(t *testing.T, names ...string) (all []*fakemember.Member) {
	for _, name := range names {
		m := fakemember.New(t, name)
		m.Serve(m)
		all = append(all, m)
	}
	return all
}

// TestAnswerTakesNoTimeWhileAMemberHangs runs in a bubble, where time passes only while everybody waits.
func TestAnswerTakesNoTimeWhileAMemberHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := members(t, "a", "b")
		c := fakemember.Open(t, all, conn.WithHealthCheckInterval(time.Second))
		all[1].Pause()
		defer all[1].Resume()
		seen := map[string]bool{}
		for range 100 {
			synctest.Wait() // so that both answers are about the same state
			began := time.Now()
			page, data := ask(http.MethodGet, "/").Body.String(), shown(t, c.Name())
			if took := time.Since(began); took != 0 {
				t.Fatalf("an answer took %v", took)
			}
			e := data.Endpoints[1]
			if seen[e.State] = true; e.State == "Frozen" && (e.Reason == "" || !strings.Contains(page, "Frozen")) {
				t.Fatalf("the page does not say why in %+v: %s", e, page)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if !seen["Active"] || !seen["Frozen"] {
			t.Errorf("the states were %v", seen)
		}
	})
}

func TestFrozenEndpointTellsSinceWhenAndWhenItReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := members(t, "a", "b")
		c := fakemember.Open(t, all)
		opened := shown(t, c.Name()).Endpoints[0].Since
		time.Sleep(time.Minute)
		all[1].Stop()
		stopped := time.Now()
		time.Sleep(10 * time.Second)
		now := shown(t, c.Name()).Endpoints
		if !now[0].Since.Equal(opened) || now[0].State != "Active" {
			t.Errorf("the other endpoint is %+v", now[0])
		}
		if e := now[1]; !e.Since.Equal(stopped) || e.ReconnectIn <= 0 || e.Leader || !strings.Contains(e.Reason, "connection refused") {
			t.Errorf("stopped at %v: %+v", stopped, e)
		}
		all[1].Start()
		time.Sleep(time.Minute)
		if e := shown(t, c.Name()).Endpoints[1]; e.State != "Active" || !e.Since.After(stopped.Add(10*time.Second)) || e.Reason != "" {
			t.Errorf("back again: %+v", e)
		}
	})
}

func TestAnswerTakesNoTimeWhileCloseWaitsForAListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := members(t, "a")
		release := make(chan struct{})
		c, err := conn.Open(t.Context(), "slow", fakemember.Endpoints(all...), fakemember.Network(all...),
			conn.WithStateListener(func(conn.Endpoint) { <-release }))
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		go func() { closed <- c.Close() }()
		synctest.Wait()
		began := time.Now()
		for range 10 {
			if got := ask(http.MethodGet, "/"); got.Code != http.StatusOK {
				t.Errorf("status %d", got.Code)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("an answer took %v", took)
		}
		select {
		case err := <-closed:
			t.Errorf("Close had returned before: %v", err)
		default:
		}
		<-closed
		close(release)
	})
}

func TestFunctionOfATableThatBlocksHoldsUpNoAnswer(t *testing.T) {
	c := onecluster.Open(t, "", cluster.Endpoints())
	if _, err := kv.Delete(t.Context(), kv.New(c.Name()).WithKey(t.Name()+"/a")); err != nil { // of an earlier run
		t.Fatal(err)
	}
	called, release := make(chan struct{}), make(chan struct{})
	defer sync.OnceFunc(func() { close(release) })()
	tab, err := table.Follow(t.Context(), table.New(c.Name()).WithKey(t.Name()+"/").WithPrefix(),
		func(*mvccpb.KeyValue) (int, error) {
			close(called)
			<-release
			return 0, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), kv.New(c.Name()).WithKey(t.Name()+"/a")); err != nil {
		t.Fatal(err)
	}
	<-called
	if got := shown(t, c.Name()); len(got.Tables) != 1 || !got.Tables[0].InStep || tab.Err() != nil {
		t.Errorf("shown is %+v", got)
	}
}

// TestAnswersAndChangesGoTogether has work for the race detector.
func TestAnswersAndChangesGoTogether(t *testing.T) {
	c := onecluster.Open(t, "", cluster.Endpoints())
	working, stop := context.WithCancel(t.Context())
	defer stop()
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for working.Err() == nil {
				w, err := watch.Watch(working, watch.New(c.Name()).WithKey(t.Name()).WithPrefix())
				if err == nil {
					_ = w.Close()
				}
			}
		})
	}
	work.Go(func() {
		for working.Err() == nil {
			_, _ = kv.Put(working, kv.New(c.Name()).WithKey(t.Name()))
		}
	})
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for range 50 {
				if body := ask(http.MethodGet, "/?format=json").Body.Bytes(); !json.Valid(body) {
					t.Errorf("no JSON: %s", body)
				}
				ask(http.MethodGet, "/")
			}
		})
	}
	asking.Wait()
	stop()
	work.Wait()
}
