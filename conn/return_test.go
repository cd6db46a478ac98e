// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
)

// The first successful call comes soon after the servers' return, however long the outage was and whoever called
// meanwhile.
func TestReturnAfterALongOutageIsNoticedWithinASecond(t *testing.T) {
	for _, mode := range []conn.Mode{conn.ConnectAll, conn.Random} {
		for _, outage := range []time.Duration{3 * time.Second, 14 * time.Second, 2 * time.Minute} {
			t.Run(mode.String()+"/"+outage.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					all := []*member{newMember(t, "a"), newMember(t, "b"), newMember(t, "d")}
					c := openFake(t, all, conn.WithMode(mode))
					for _, m := range all {
						m.Stop()
					}
					time.Sleep(outage)
					for _, m := range all {
						m.Start()
					}
					began := time.Now()
					if err := c.WaitReady(t.Context()); err != nil {
						t.Fatal(err)
					}
					if took := time.Since(began); took > time.Second {
						t.Errorf("nobody called: an endpoint is Active after %v", took)
					}
					for _, m := range all {
						m.Stop()
					}
					time.Sleep(outage)
					for _, m := range all {
						m.Start()
					}
					began = time.Now()
					for {
						if _, err := get(t.Context(), c); err == nil {
							break
						}
						time.Sleep(10 * time.Millisecond)
					}
					if took := time.Since(began); took > 250*time.Millisecond {
						t.Errorf("with callers: the first success came after %v", took)
					}
				})
			})
		}
	}
}
