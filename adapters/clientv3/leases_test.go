// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// drained waits until a channel of renewals closes, and reports whether it does.
func drained(p *play, renewals <-chan *clientv3.LeaseKeepAliveResponse) bool {
	for {
		select {
		case _, open := <-renewals:
			if !open {
				return true
			}
		case <-p.Done():
			return false
		}
	}
}

var leasePrograms = []program{
	{"grant and revoke", "Lease Lease.Grant Lease.Revoke Lease.TimeToLive Lease.Leases LeaseID LeaseOption MaxLeaseTTL", func(p *play) {
		granted := must(p.cli.Grant(p, 60))
		p.tell("granted", granted, nil)
		must(p.cli.Put(p, "x/a", "1", clientv3.WithLease(granted.ID)))
		for _, opts := range [][]clientv3.LeaseOption{nil, {clientv3.WithAttachedKeys()}} {
			left := must(p.cli.TimeToLive(p, granted.ID, opts...))
			p.say("time to live: %t %t %d %q", left.ID == granted.ID, left.TTL > 50, left.GrantedTTL, left.Keys)
		}
		leases := must(p.cli.Leases(p))
		listed := false
		for _, one := range leases.Leases {
			listed = listed || one.ID == granted.ID
		}
		p.say("listed: %t", listed)
		revoked, err := p.cli.Revoke(p, granted.ID)
		p.tell("revoked", revoked, err)
		_, err = p.cli.Revoke(p, granted.ID)
		p.tell("again", nil, err)
		p.say("comparable: %t", err == rpctypes.ErrLeaseNotFound)
		gone, err := p.cli.TimeToLive(p, granted.ID)
		p.tell("time to live", gone, err)
		answer, err := p.cli.Get(p, "x/a")
		p.tell("its key", answer, err)
		_, err = p.cli.Grant(p, clientv3.MaxLeaseTTL+1)
		p.tell("too long", nil, err)
		_, err = p.cli.Revoke(p, clientv3.NoLease)
		p.tell("no lease", nil, err)
	}},
	{"renew once", "Lease.KeepAliveOnce", func(p *play) {
		granted := must(p.cli.Grant(p, 60))
		answer, err := p.cli.KeepAliveOnce(p, granted.ID)
		p.tell("renewed", answer, err)
		_, err = p.cli.KeepAliveOnce(p, 404)
		p.tell("no lease", nil, err)
		p.say("comparable: %t", err == rpctypes.ErrLeaseNotFound)
	}},
	{"keep alive", "Lease.KeepAlive LeaseResponseChSize", func(p *play) {
		granted := must(p.cli.Grant(p, 2))
		var renewals [3]<-chan *clientv3.LeaseKeepAliveResponse
		ctx, cancel := context.WithCancel(p)
		for i, ctx := range []context.Context{p, p, ctx} {
			renewals[i] = must(p.cli.KeepAlive(ctx, granted.ID))
			p.say("capacity %d", cap(renewals[i]))
		}
		for range 2 {
			for _, one := range renewals {
				answer := <-one
				p.say("renewed: %t for %d s, header %t", answer.ID == granted.ID, answer.TTL, answer.GetRevision() > 0)
			}
		}
		cancel()
		p.say("closed by its context: %t", drained(p, renewals[2]))
		p.tell("alive", nil, <-first(renewals[0]))
		must(p.cli.Revoke(p, granted.ID))
		p.say("closed: %t %t", drained(p, renewals[0]), drained(p, renewals[1]))
	}},
	{"keep alive of no lease", "Lease.KeepAlive", func(p *play) {
		renewals, err := p.cli.KeepAlive(p, 404)
		p.tell("no lease", nil, err)
		p.say("closed: %t", drained(p, renewals))
	}},
	{"renewals that nobody reads", "Lease.KeepAlive", func(p *play) {
		granted := must(p.cli.Grant(p, 2))
		must(p.cli.KeepAlive(p, granted.ID))
		must(p.cli.Put(p, "x/a", "1", clientv3.WithLease(granted.ID)))
		watch := p.cli.Watch(p, "x/a", clientv3.WithFilterPut())
		other := must(p.cli.Grant(p, 4))
		must(p.cli.Put(p, "x/b", "1", clientv3.WithLease(other.ID)))
		for response := range p.cli.Watch(p, "x/b", clientv3.WithFilterPut()) {
			p.say("the lease that nobody keeps expires: %v", response.Events[0].Type)
			break
		}
		select {
		case <-watch:
			p.say("the kept one too")
		default:
			p.say("the kept one lives")
		}
	}},
}

// first returns nil or an error once a renewal has come.
func first(renewals <-chan *clientv3.LeaseKeepAliveResponse) <-chan error {
	got := make(chan error, 1)
	if _, open := <-renewals; !open {
		got <- context.Canceled
	}
	close(got)
	return got
}
