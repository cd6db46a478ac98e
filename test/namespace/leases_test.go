// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"context"
	"fmt"
	"slices"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Leases belong to the cluster, so a namespace shows all of them. Only the keys of a lease are those of the namespace.

const (
	leaseNotFound = "etcdserver: requested lease not found"
	noLease       = 4711 // an ID that no server has given
)

// askLease makes the next request about a lease, and returns what the side saw.
func (s *side) askLease(t *testing.T, ctx context.Context, p *program) string {
	t.Helper()
	n, id := p.next(3), int64(noLease)
	if n < len(s.leases) {
		id = s.leases[n]
	}
	switch p.next(8) {
	case 0, 1, 2:
		answer, err := s.lease.KeepAliveOnce(ctx, clientv3.LeaseID(id))
		if err != nil {
			return fmt.Sprintf("a renewal of lease %d fails: %s", n, kindOf(t, err))
		}
		return fmt.Sprintf("a renewal of lease %d gives it %d s, and its own ID: %v", n, answer.TTL, int64(answer.ID) == id)
	case 3, 4:
		answer, err := s.lease.Leases(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var there []int
		for _, l := range answer.Leases {
			if n := slices.Index(s.leases, int64(l.ID)); n >= 0 {
				there = append(there, n)
			}
		}
		slices.Sort(there)
		return fmt.Sprintf("there are the leases %v", there)
	case 5, 6:
		return s.timeToLive(t, ctx, n, id)
	default:
		answer, err := s.lease.Revoke(ctx, clientv3.LeaseID(id))
		if err != nil {
			return fmt.Sprintf("a revocation of lease %d fails: %s", n, kindOf(t, err))
		}
		s.wrote(answer.Header.Revision)
		return fmt.Sprintf("lease %d is revoked", n)
	}
}

// timeToLive returns how long a lease was granted for, whether it lives, and its keys.
func (s *side) timeToLive(t *testing.T, ctx context.Context, n int, id int64) string {
	t.Helper()
	answer, err := s.lease.TimeToLive(ctx, clientv3.LeaseID(id), clientv3.WithAttachedKeys())
	if err != nil {
		return fmt.Sprintf("lease %d is not known: %s", n, kindOf(t, err))
	}
	var keys []string
	for _, key := range answer.Keys {
		keys = append(keys, string(s.numbered(key)))
	}
	slices.Sort(keys)
	return fmt.Sprintf("lease %d of %d s lives: %v, and has the keys %q", n, answer.GrantedTTL, answer.TTL > 0, keys)
}
