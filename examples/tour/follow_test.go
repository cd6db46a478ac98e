// SPDX-License-Identifier: Apache-2.0

package tour

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/mvccpb"
	"github.com/eetcd-go/eetcd/kv"
)

// goFollow runs follow, and sends what it sees: lists with their keys, and events.
func goFollow(ctx context.Context) (seen <-chan string, ended <-chan error) {
	told, result := make(chan string, 100), make(chan error, 1)
	replace := func(all []*mvccpb.KeyValue) {
		list := "list"
		for _, pair := range all {
			list += " " + string(pair.GetKey())
		}
		told <- list
	}
	apply := func(e *mvccpb.Event) { told <- e.GetType().String() + " " + string(e.GetKv().GetKey()) }
	go func() { result <- follow(ctx, replace, apply) }()
	return told, result
}

func awaitSeen(t *testing.T, seen <-chan string, want string) {
	t.Helper()
	patience := time.After(time.Minute)
	for {
		select {
		case got := <-seen:
			if got == want {
				return
			}
		case <-patience:
			t.Fatalf("%q was not seen within a minute", want)
		}
	}
}

// complaints is a log handler that sends each record.
type complaints chan string

func (c complaints) Enabled(context.Context, slog.Level) bool { return true }
func (c complaints) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c complaints) WithGroup(string) slog.Handler            { return c }
func (c complaints) Handle(_ context.Context, r slog.Record) error {
	select {
	case c <- r.Message:
	default:
	}
	return nil
}

func TestTourFollowSurvivesOutages(t *testing.T) {
	cluster := etcdtest.Start(t)
	c, err := conn.Open(t.Context(), "registry", cluster.Endpoints(), conn.WithPatience(0)) // any outage is too long
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	put := func(key string) {
		t.Helper()
		if _, err := kv.Put(t.Context(), kv.New("registry").WithKey(key)); err != nil {
			t.Fatal(err)
		}
	}
	put("heartbeat:before")
	before := slog.Default()
	defer slog.SetDefault(before)
	complained := make(complaints, 1)
	slog.SetDefault(slog.New(complained))

	cluster.Member(0).Stop()
	following, cancel := context.WithCancel(t.Context())
	seen, ended := goFollow(following)
	<-complained // the first list has failed
	cluster.Member(0).Restart()
	awaitSeen(t, seen, "list heartbeat:before")
	put("heartbeat:a")
	awaitSeen(t, seen, "PUT heartbeat:a")

	cluster.Member(0).Kill()
	cluster.Member(0).Restart()
	if err := c.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	put("heartbeat:b")
	awaitSeen(t, seen, "PUT heartbeat:b")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended with %v", err)
	}
}
