// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/internal/testnet"
)

// pinged counts the answers to pings that a client writes.
type pinged struct {
	net.Conn
	answers *atomic.Int64
}

func (p pinged) Write(b []byte) (int, error) {
	p.answers.Add(int64(bytes.Count(b, []byte{0, 0, 8, 6, 1, 0, 0, 0, 0})))
	return p.Conn.Write(b)
}

func TestServerDoesNotMeasureTheBandwidthWithEachSmallRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMember(t, "a")
		m.answerKV(slowly(time.Millisecond))
		var answers atomic.Int64
		c, err := conn.Open(t.Context(), "", endpoints(m), testnet.Hosts(map[string]testnet.Host{
			"a": func(parent context.Context) (net.Conn, error) {
				nc, err := m.Dial(parent)
				return pinged{nc, &answers}, err
			},
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		time.Sleep(time.Second)
		answers.Store(0)
		began := time.Now()
		for range 1000 {
			if _, err := get(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if n := answers.Load(); n == 0 || n > 100 { // one each 20 ms
			t.Errorf("%d pings were answered in 1000 calls of %v, want about 50", n, time.Since(began))
		}
	})
}
