// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
)

// ownHeader returns the header of a member's serializable answer.
func ownHeader(t *testing.T, g stub) *pb.ResponseHeader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := pb.NewKVClient(g.cc).Range(ctx, &pb.RangeRequest{Key: []byte("k"), Serializable: true})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetHeader()
}

func TestMemberWithDelayedPeersLagsBehindAndHasALeader(t *testing.T) {
	t.Parallel()
	const delay = 2 * time.Second
	c := Start(t, WithSize(3), WithProxy())
	slow, leader := follower(t, c), mustLeader(t, c)
	behind, ahead := dialGRPC(t, slow.Endpoint(), nil), dialGRPC(t, leader.Endpoint(), nil)
	c.DelayPeers(slow, delay)
	begin := time.Now()
	for time.Since(begin) < 2*delay {
		if err := ahead.put(5*time.Second, "k", "v"); err != nil {
			t.Fatal(err)
		}
	}
	// In this order, what the slow member receives meanwhile makes the difference smaller.
	newest, old := ownHeader(t, ahead), ownHeader(t, behind)
	t.Logf("revision %d, and %d at the slow member", newest.GetRevision(), old.GetRevision())
	if old.GetRevision() >= newest.GetRevision() {
		t.Errorf("the slow member is at revision %d, the leader at %d", old.GetRevision(), newest.GetRevision())
	}
	eventually(t, 15*time.Second, "a leader", func() error { // a busy machine may be electing one
		if s, err := slow.status(t.Context()); err != nil || !s.hasLeader {
			return errors.New("the slow member has none")
		}
		return nil
	})
	c.DelayPeers(slow, 0)
	eventually(t, 15*time.Second, "catching up", func() error {
		if ownHeader(t, behind).GetRevision() < newest.GetRevision() {
			return errors.New("still behind")
		}
		return nil
	})
}

func TestPeerDelayGrowsNoFasterThanTime(t *testing.T) {
	at := time.Unix(1000, 0)
	d := peerDelay{full: 3 * time.Second, from: time.Second, since: at}
	for after, want := range map[time.Duration]time.Duration{
		-time.Second:     time.Second,
		0:                time.Second,
		time.Second:      2 * time.Second,
		2 * time.Second:  3 * time.Second,
		20 * time.Second: 3 * time.Second,
	} {
		if got := d.at(at.Add(after)); got != want {
			t.Errorf("after %v: %v, want %v", after, got, want)
		}
	}
	if got := (peerDelay{full: 0, from: time.Second, since: at}).at(at); got != 0 {
		t.Errorf("undone: %v", got)
	}
}

func TestDelayOfPeersNeedsAProxyAndAMember(t *testing.T) {
	c, err := Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.DelayPeers(c.Member(0), time.Second)
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "WithProxy") {
		t.Errorf("Close() = %v", err)
	}
	c.DelayPeers(nil, time.Second)
}
