// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
)

// gRPC pings less often after a server found its pings too many. That server may be a load balancer of the endpoint's own.
func TestServerThatWantsFewerPingsDoesNotDelayTheLossOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		strict := newMember(t, "strict") // gRPC's default allows a ping each five minutes
		b := newMember(t, "b", grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second}))
		c := openFake(t, []*member{strict, b}, conn.WithHealthCheckInterval(time.Hour))
		for _, m := range []*member{strict, b} {
			m.answerKV(func(parent context.Context) error { <-parent.Done(); return parent.Err() })
		}
		if _, err := put(t.Context(), c, conn.OnEndpoint("strict:1"), conn.Within(time.Hour)); etcderr.OutcomeOf(err) != etcderr.Unknown {
			t.Fatalf("a write to the strict server: %v", err)
		}
		b.Drop()
		time.Sleep(time.Second)
		began := time.Now()
		time.AfterFunc(time.Second, b.Swallow)
		_, err := put(t.Context(), c, conn.OnEndpoint("b:1"), conn.Within(time.Hour))
		if took := time.Since(began); etcderr.OutcomeOf(err) != etcderr.Unknown || took > 16*time.Second {
			t.Errorf("a write to the dead server took %v: %v", took, err)
		}
	})
}
