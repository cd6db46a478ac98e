// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
)

func TestUnsentPutsSurviveARestartOfTheOnlyMember(t *testing.T) {
	cluster := etcdtest.Start(t)
	// A busy machine may need long to start a member.
	c := open(t, "", cluster.Endpoints(), conn.WithPatience(time.Minute))
	writing, stop := context.WithCancel(t.Context())
	var done, unknown atomic.Int64
	var writers sync.WaitGroup
	for i := range 16 {
		request := kv.New(c.Name()).WithKey(fmt.Sprint("k", i)).WithValue("v").WithTimeout(2 * time.Minute)
		writers.Go(func() {
			for writing.Err() == nil {
				_, err := kv.Put(t.Context(), request)
				switch {
				case err == nil:
					done.Add(1)
				case etcderr.OutcomeOf(err) == etcderr.Unknown: // it was under way
					unknown.Add(1)
				default:
					t.Errorf("a put with time left was refused: %v", err)
					return
				}
			}
		})
	}
	for _, restart := range []func(){cluster.Member(0).Restart, cluster.Member(0).Restart, func() {
		cluster.Member(0).Kill()
		time.Sleep(time.Second)
		cluster.Member(0).Restart()
	}} {
		before := done.Load()
		restart()
		waitFor(t, func() bool { return done.Load() > before+100 || t.Failed() })
	}
	stop()
	writers.Wait()
	t.Logf("%d puts done, %d unknown", done.Load(), unknown.Load())
	if n := unknown.Load(); n > 3*16 {
		t.Errorf("%d puts ended unknown, more than were under way", n)
	}
}
