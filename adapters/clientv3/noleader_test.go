// SPDX-License-Identifier: Apache-2.0

package adapter_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	adapter "github.com/eetcd-go/eetcd/adapters/clientv3"
	"github.com/eetcd-go/eetcd/conn"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/internal/fakemember"
)

// leaderless is a member that has lost the majority, and refuses writes at once.
type leaderless struct {
	*fakemember.Member
	pb.UnimplementedKVServer
}

func (leaderless) Put(context.Context, *pb.PutRequest) (*pb.PutResponse, error) {
	return nil, rpctypes.ErrGRPCNoLeader
}

func openLeaderless(t *testing.T, opts ...conn.Option) (leaderless, *conn.Conn) {
	m := leaderless{Member: fakemember.New(t, "a")}
	m.Serve(m)
	return m, fakemember.Open(t, []leaderless{m}, opts...)
}

func TestAWriteWithoutADeadlineEndsWhileThereIsNoLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := openLeaderless(t)
		cli := adapter.New(c)
		defer cli.Close()
		far, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		began := time.Now()
		if _, err := cli.Put(far, "k", "v"); err != rpctypes.ErrNoLeader || time.Since(began) > 30*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestAWriteWithoutADeadlineWaitsAsLongAsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patience = 100 * time.Second
		m, c := openLeaderless(t, conn.WithPatience(patience))
		cli := adapter.New(c)
		defer cli.Close()
		m.Refuse()
		m.Drop()
		synctest.Wait()
		began := time.Now()
		_, err := cli.Put(context.Background(), "k", "v")
		if took := time.Since(began); err == nil || took < patience || took > patience+time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}
