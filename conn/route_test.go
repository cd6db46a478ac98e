// SPDX-License-Identifier: Apache-2.0

package conn_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/etcdtest"
)

func TestOnEndpointSendsToThatMemberOnly(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, "", cluster.Endpoints())
	for _, m := range cluster.Members() {
		for range 3 {
			r, err := get(t.Context(), c, conn.OnEndpoint(m.Endpoint()))
			if err != nil || r.Header.MemberId != m.ID() {
				t.Errorf("%s answered %v, %v; want member %x", m.Endpoint(), r, err, m.ID())
			}
		}
	}
	spelled := "HTTP://" + cluster.Endpoints()[1] + "/"
	if r, err := get(t.Context(), c, conn.OnEndpoint(spelled)); err != nil || r.Header.MemberId != cluster.Member(1).ID() {
		t.Errorf("spelled as %s: %v, %v", spelled, r, err)
	}
	for _, unknown := range []string{"127.0.0.1:1", ""} {
		if _, err := get(t.Context(), c, conn.OnEndpoint(unknown)); !errors.Is(err, conn.ErrEndpoint) || etcderr.OutcomeOf(err) != etcderr.NotSent {
			t.Errorf("endpoint %q: %v", unknown, err)
		}
	}
	down := cluster.Member(1)
	down.Kill()
	waitFor(t, func() bool { return states(c)[down.Endpoint()] == conn.Frozen })
	_, err := get(t.Context(), c, conn.OnEndpoint(down.Endpoint()), conn.Within(200*time.Millisecond))
	if !errors.Is(err, conn.ErrUnavailable) || !strings.Contains(err.Error(), down.Endpoint()) || strings.Contains(err.Error(), cluster.Endpoints()[0]) {
		t.Errorf("a Frozen endpoint: %v", err)
	}
	if _, err := get(t.Context(), c); err != nil {
		t.Errorf("a read elsewhere: %v", err)
	}
}

func TestRequestsGoToTheActiveEndpointsInTurn(t *testing.T) {
	cluster := etcdtest.Start(t, etcdtest.WithSize(3))
	c := open(t, "", cluster.Endpoints())
	served := map[uint64]int{}
	for range 30 {
		r, err := get(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		served[r.Header.MemberId]++
	}
	for _, m := range cluster.Members() {
		if served[m.ID()] != 10 {
			t.Errorf("served %v, want 10 each", served)
		}
	}
}
