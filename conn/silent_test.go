// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/call"
	"github.com/eetcd-go/eetcd/internal/engine"
)

// A member may answer health checks and leave a stream unanswered.
func TestNewStreamsAvoidAnEndpointOnWhichAStreamHasJustFallenSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newMember(t, "a"), newMember(t, "b")
		open := func(c *engine.Conn) engine.Stream {
			s, err := c.OpenStream(t.Context(), &pb.Watch_ServiceDesc.Streams[0], pb.Watch_Watch_FullMethodName, call.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Abort)
			return s
		}
		count := func(c *engine.Conn) map[string]int {
			on := map[string]int{}
			for range 8 {
				on[open(c).Endpoint()]++
			}
			return on
		}
		c := engineOf(t, openFake(t, []*member{a, b}))
		silent := open(c)
		silent.Doubt()
		if on := count(c); on[silent.Endpoint()] != 0 {
			t.Errorf("a stream fell silent on %s, and the next ones are opened on %v", silent.Endpoint(), on)
		}
		time.Sleep(2 * time.Second)
		if on := count(c); on[silent.Endpoint()] == 0 {
			t.Errorf("2 s later none is opened on %s: %v", silent.Endpoint(), on)
		}
		only := engineOf(t, openFake(t, []*member{a}))
		open(only).Doubt()
		if on := count(only); on["a:1"] != 8 {
			t.Errorf("the only endpoint is not used: %v", on)
		}
	})
}
