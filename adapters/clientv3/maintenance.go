// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"sync"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
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

// at returns what sends to one member only, or to any where endpoint is "".
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

// MoveLeader goes to the leader, because no other member takes it. If the leader is no endpoint, any member says that it does not lead.
func (m *maintenance) MoveLeader(ctx context.Context, to uint64) (*clientv3.MoveLeaderResponse, error) {
	if _, err := m.Maintenance.Status(ctx, ""); err != nil { // in an outage it waits as other requests do
		return nil, err
	}
	return m.at(m.leader(ctx)).MoveLeader(ctx, to)
}

// leader asks all endpoints at once, and returns the leader's as soon as it is known. If none is, it returns "".
func (m *maintenance) leader(ctx context.Context) string {
	asking, stop := context.WithCancel(ctx)
	var asked sync.WaitGroup
	defer asked.Wait()
	defer stop()
	endpoints := addresses(m.wire.conn)
	leading := make(chan string, len(endpoints))
	for _, endpoint := range endpoints {
		asked.Go(func() {
			status, err := m.Status(asking, endpoint)
			if err != nil || status.Leader == 0 || status.Leader != status.Header.GetMemberId() {
				endpoint = ""
			}
			leading <- endpoint
		})
	}
	for range endpoints {
		if endpoint := <-leading; endpoint != "" {
			return endpoint
		}
	}
	return ""
}
