// SPDX-License-Identifier: Apache-2.0

package adapter

import (
	"context"
	"sync"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/eetcd-go/eetcd/conn"
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

// MoveLeader goes to the leader, because no other member takes it. If that is no Active endpoint, any member says that it does not
// lead. Where no member knows a leader, this method says so for them, because the connection has such a request wait for the election.
func (m *maintenance) MoveLeader(ctx context.Context, to uint64) (*clientv3.MoveLeaderResponse, error) {
	status, err := m.Maintenance.Status(ctx, "") // in an outage it waits as other requests do
	if err != nil {
		return nil, err
	}
	endpoint, elected := m.leader(ctx)
	if !elected && status.Leader == 0 && ctx.Err() == nil {
		return nil, rpctypes.ErrNotLeader
	}
	return m.at(endpoint).MoveLeader(ctx, to)
}

// leader asks all Active endpoints at once, and returns the leader's as soon as it is known. If none is, it returns "", and whether a
// member knows a leader. It leaves out the others, which answer only once they are back.
func (m *maintenance) leader(ctx context.Context) (endpoint string, elected bool) {
	asking, stop := context.WithCancel(ctx)
	var asked sync.WaitGroup
	defer asked.Wait()
	defer stop()
	var active []string
	for _, endpoint := range m.wire.conn.Info() {
		if endpoint.State == conn.Active {
			active = append(active, endpoint.Address)
		}
	}
	answers := make(chan leading, len(active))
	for _, endpoint := range active {
		asked.Go(func() {
			status, err := m.Status(asking, endpoint)
			if err != nil {
				answers <- leading{}
				return
			}
			answers <- leading{endpoint, status.Leader, status.Header.GetMemberId()}
		})
	}
	for range active {
		a := <-answers
		if a.leader != 0 && a.leader == a.member {
			return a.endpoint, true
		}
		elected = elected || a.leader != 0
	}
	return "", elected
}

// leading is what the member at an endpoint says about the leader; 0 if it knows none.
type leading struct {
	endpoint       string
	leader, member uint64
}
