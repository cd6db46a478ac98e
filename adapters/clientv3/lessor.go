// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/etcderr"
	ours "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/lease"
)

// firstRenewal is how long KeepAlive tries to renew a lease whose TTL it does not know yet. It is clientv3's time.
const firstRenewal = 5 * time.Second

// lessor is clientv3.Lease with the kept leases of package lease. The requests about leases are etcd's own, over the connection.
type lessor struct {
	clientv3.Lease
	*guests
	wire *wire
}

func newLessor(w *wire) *lessor {
	remote := etcdserverpb.NewLeaseClient(w)
	return &lessor{clientv3.NewLeaseFromLeaseClient(remote, bare(), firstRenewal), newGuests(w.life), w}
}

// KeepAlive returns at once. The channel closes when the lease is not kept any more. As in clientv3, responses are dropped while
// the channel is full.
func (l *lessor) KeepAlive(parent context.Context, id clientv3.LeaseID) (<-chan *clientv3.LeaseKeepAliveResponse, error) {
	out := make(chan *clientv3.LeaseKeepAliveResponse, clientv3.LeaseResponseChSize)
	ctx, end, err := l.enter(parent)
	if err != nil {
		close(out)
		return out, clientv3.ErrKeepAliveHalted{Reason: err}
	}
	go func() {
		defer end()
		defer close(out)
		keeper, err := l.keep(ctx, id)
		if err != nil {
			return // clientv3 has no way to tell why
		}
		defer keeper.Close()
		for renewal := range keeper.Renewals() {
			response := &clientv3.LeaseKeepAliveResponse{
				ResponseHeader: &etcdserverpb.ResponseHeader{Revision: renewal.Revision},
				ID:             id, TTL: int64(renewal.Until.Sub(renewal.Sent) / time.Second),
			}
			select {
			case out <- response:
			default:
			}
		}
	}()
	return out, nil
}

// enter is begin while the connection is open.
func (l *lessor) enter(parent context.Context) (ctx context.Context, end func(), err error) {
	ctx, end, err = l.begin(parent)
	if err != nil {
		return nil, nil, err
	}
	if err := l.wire.closed(); err != nil {
		end()
		return nil, nil, err
	}
	return ctx, end, nil
}

// keep makes the first renewal.
func (l *lessor) keep(ctx context.Context, id clientv3.LeaseID) (*lease.Keeper, error) {
	first, stop := context.WithTimeout(ctx, firstRenewal)
	defer stop()
	deadline, _ := first.Deadline()
	begin := func(name string) (*lease.Keeper, error) {
		left := max(time.Until(deadline), time.Millisecond)
		return lease.KeepAlive(ctx, lease.New(name).WithTimeout(left), int64(id))
	}
	for {
		keeper, err := named(l.wire, begin, func(other *lease.Keeper) { _ = other.Close() })
		if err == nil || !passing(err) || l.wire.recovered(first) != nil {
			return keeper, err
		}
	}
}

func (l *lessor) KeepAliveOnce(parent context.Context, id clientv3.LeaseID) (*clientv3.LeaseKeepAliveResponse, error) {
	ctx, end, err := l.wire.bound(parent)
	if err != nil {
		return nil, err
	}
	defer end()
	renew := func(name string) (*ours.LeaseKeepAliveResponse, error) {
		request := lease.New(name)
		if _, bounded := ctx.Deadline(); !bounded {
			request = request.WithTimeout(unlimited)
		}
		return lease.KeepAliveOnce(ctx, request, int64(id))
	}
	response := &clientv3.LeaseKeepAliveResponse{ResponseHeader: &etcdserverpb.ResponseHeader{}, ID: id}
	err = l.wire.through(ctx, func() error {
		answer, err := named(l.wire, renew, func(*ours.LeaseKeepAliveResponse) {})
		if err == nil {
			response.ResponseHeader, response.TTL = theirHeader(answer.Header), answer.TTL
		}
		return err
	})
	switch {
	case err == nil, errors.Is(err, etcderr.ErrLeaseNotFound):
		return response, clientv3.ContextError(parent, err)
	default:
		return nil, clientv3.ContextError(parent, l.wire.failed(parent, err))
	}
}

// Close stops keeping leases alive, and waits for the goroutines. The leases live on for their TTL.
func (l *lessor) Close() error {
	l.dismiss()
	return l.Lease.Close()
}
