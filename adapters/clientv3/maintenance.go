// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	ours "github.com/eetcd-go/eetcd/maintenance"
)

// maintenance sends requests about one member there, over the connection. Etcd's own code dials the member for each.
type maintenance struct {
	clientv3.Maintenance
	wire *wire
}

func maintenanceOn(w *wire) clientv3.Maintenance { return &maintenance{stubs(w), w} }

func stubs(w *wire) clientv3.Maintenance {
	return clientv3.NewMaintenanceFromMaintenanceClient(etcdserverpb.NewMaintenanceClient(w), bare())
}

// at returns what sends to one member only.
func (m *maintenance) at(endpoint string) clientv3.Maintenance {
	pinned := *m.wire
	pinned.endpoint = endpoint
	return stubs(&pinned)
}

func (m *maintenance) Defragment(ctx context.Context, endpoint string) (*clientv3.DefragmentResponse, error) {
	return m.at(endpoint).Defragment(ctx, endpoint)
}

func (m *maintenance) Status(ctx context.Context, endpoint string) (*clientv3.StatusResponse, error) {
	return m.at(endpoint).Status(ctx, endpoint)
}

func (m *maintenance) HashKV(ctx context.Context, endpoint string, rev int64) (*clientv3.HashKVResponse, error) {
	return m.at(endpoint).HashKV(ctx, endpoint, rev)
}

// MoveLeader goes to the leader, because no other member takes it.
func (m *maintenance) MoveLeader(parent context.Context, to uint64) (*clientv3.MoveLeaderResponse, error) {
	ctx, end, err := m.wire.bound(parent)
	if err != nil {
		return nil, err
	}
	defer end()
	answer, err := ours.MoveLeader(ctx, ours.New(m.wire.name()), to)
	if err != nil {
		return nil, clientv3.ContextError(parent, m.wire.failed(parent, err))
	}
	return &clientv3.MoveLeaderResponse{Header: theirHeader(answer.Header)}, nil
}
