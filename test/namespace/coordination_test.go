// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	etcdelectionpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	etcdlockpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

// clientv3's namespace has no lock and no election service. So the side of clientv3 calls them with the prefix, which below puts before
// each key and takes off again, and each side shows which keys the store has.

// names are those of locks and elections. No key of programs is below one of them, so nothing but leases stands in their queues.
var names = []string{"jobs", "", "\xff", "jobs\x00"}

// observed asks for the first leader that Observe reports.
type observed struct{ *v3electionpb.LeaderRequest }

// coordinate makes a request of the lock or the election service for a lease, which is a number; see side. Locked is the key that Lock
// has returned, and leader what Campaign has.
func (p *program) coordinate(locked []byte, leader *v3electionpb.LeaderKey) (m proto.Message, name string, lease int64) {
	name, lease = names[p.next(len(names))], int64(1+p.next(2))
	as := []byte(name)
	switch p.next(8) {
	case 0, 1:
		return &v3lockpb.LockRequest{Name: as, Lease: lease}, name, lease
	case 2:
		key := [][]byte{locked, locked, as, nil}[p.next(4)]
		return &v3lockpb.UnlockRequest{Key: key}, name, lease
	case 3:
		return &v3electionpb.CampaignRequest{Name: as, Lease: lease, Value: []byte{'c', byte('0' + p.next(10))}}, name, lease
	case 4:
		return &v3electionpb.ProclaimRequest{Leader: leader, Value: []byte{'p', byte('0' + p.next(10))}}, name, lease
	case 5:
		return &v3electionpb.ResignRequest{Leader: leader}, name, lease
	case 6:
		return observed{&v3electionpb.LeaderRequest{Name: as}}, name, lease
	default:
		return &v3electionpb.LeaderRequest{Name: as}, name, lease
	}
}

// lockKey returns the key of a lease in a queue, with the number of the lease.
func lockKey(name string, lease int64) []byte { return []byte(fmt.Sprintf("%s/lease %d", name, lease)) }

// numbered returns a key with the number of a lease in place of its ID.
func (s *side) numbered(key []byte) []byte {
	for n, id := range s.leases {
		key = bytes.ReplaceAll(key, fmt.Appendf(nil, "/%x", id), fmt.Appendf(nil, "/lease %d", n+1))
	}
	return key
}

// unnumbered is the reverse.
func (s *side) unnumbered(key []byte) []byte {
	for n, id := range s.leases {
		key = bytes.ReplaceAll(key, fmt.Appendf(nil, "/lease %d", n+1), fmt.Appendf(nil, "/%x", id))
	}
	return key
}

// coordinate makes the next request of the lock or the election service, unless it would wait for another lease, and returns what the
// side saw.
func (s *side) coordinate(t *testing.T, ctx context.Context, etcd *clientv3.Client, prefix string, p *program) (saw []string) {
	t.Helper()
	m, name, lease := p.coordinate(s.locked, s.leader)
	others, any := false, false
	for _, key := range s.stored(t, ctx, etcd, prefix) {
		if strings.HasPrefix(key, name+"/lease ") {
			any, others = true, others || key != string(lockKey(name, lease))
		}
	}
	switch m.(type) {
	case *v3lockpb.LockRequest, *v3electionpb.CampaignRequest:
		if others {
			return nil
		}
	case observed:
		if !any {
			return nil
		}
	}
	request := resolve(s, m)
	if _, observe := m.(observed); observe {
		request = observed{request.(*v3electionpb.LeaderRequest)}
	}
	answer, err := s.call(ctx, request)
	if err != nil {
		return []string{fmt.Sprintf("%T %v fails: %s", m, m, kindOf(t, err))}
	}
	s.wrote(revisionOf(answer))
	switch won := answer.(type) {
	case *v3lockpb.LockResponse:
		s.locked = s.numbered(won.GetKey())
	case *v3electionpb.CampaignResponse:
		s.leader = number(s, won.GetLeader())
	}
	return []string{
		fmt.Sprintf("%T %v: %s", m, m, text(number(s, answer))),
		fmt.Sprintf("the store has the keys %q", s.stored(t, ctx, etcd, prefix)),
	}
}

// stored returns the keys in the store below a prefix.
func (s *side) stored(t *testing.T, ctx context.Context, etcd *clientv3.Client, prefix string) (keys []string) {
	t.Helper()
	all, err := etcd.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range all.Kvs {
		keys = append(keys, string(s.numbered(pair.Key[len(prefix):])))
	}
	return keys
}

// below makes calls to the whole key space as a namespace would.
func below(prefix string, call func(context.Context, proto.Message) (proto.Message, error)) func(context.Context, proto.Message) (proto.Message, error) {
	join := func(key []byte) []byte { return append([]byte(prefix), key...) }
	cut := func(key []byte) []byte {
		rest, has := bytes.CutPrefix(key, []byte(prefix))
		if !has {
			panic(fmt.Sprintf("the key %q has not the prefix %q", key, prefix))
		}
		return rest
	}
	leader := func(k *v3electionpb.LeaderKey, to func([]byte) []byte) {
		if k != nil {
			k.Name, k.Key = to(k.Name), to(k.Key)
		}
	}
	return func(ctx context.Context, m proto.Message) (proto.Message, error) {
		switch r := m.(type) {
		case *v3lockpb.LockRequest:
			r.Name = join(r.Name)
		case *v3lockpb.UnlockRequest:
			if len(r.Key) > 0 {
				r.Key = join(r.Key)
			}
		case *v3electionpb.CampaignRequest:
			r.Name = join(r.Name)
		case *v3electionpb.LeaderRequest:
			r.Name = join(r.Name)
		case observed:
			r.Name = join(r.Name)
		case *v3electionpb.ProclaimRequest:
			leader(r.Leader, join)
		case *v3electionpb.ResignRequest:
			leader(r.Leader, join)
		}
		answer, err := call(ctx, m)
		if err != nil {
			return nil, err
		}
		switch r := answer.(type) {
		case *v3lockpb.LockResponse:
			r.Key = cut(r.Key)
		case *v3electionpb.CampaignResponse:
			leader(r.Leader, cut)
		case *v3electionpb.LeaderResponse:
			r.Kv.Key = cut(r.Kv.Key)
		}
		return answer, nil
	}
}

// callOurs calls the services with the SDK's stubs.
func callOurs(cc grpc.ClientConnInterface) func(context.Context, proto.Message) (proto.Message, error) {
	locks, elections := v3lockpb.NewLockClient(cc), v3electionpb.NewElectionClient(cc)
	return func(ctx context.Context, m proto.Message) (proto.Message, error) {
		switch r := m.(type) {
		case *v3lockpb.LockRequest:
			return locks.Lock(ctx, r)
		case *v3lockpb.UnlockRequest:
			return locks.Unlock(ctx, r)
		case *v3electionpb.CampaignRequest:
			return elections.Campaign(ctx, r)
		case *v3electionpb.ProclaimRequest:
			return elections.Proclaim(ctx, r)
		case *v3electionpb.ResignRequest:
			return elections.Resign(ctx, r)
		case observed:
			seeing, stop := context.WithCancel(ctx)
			defer stop()
			seen, err := elections.Observe(seeing, r.LeaderRequest)
			if err != nil {
				return nil, err
			}
			return seen.Recv()
		default:
			return elections.Leader(ctx, m.(*v3electionpb.LeaderRequest))
		}
	}
}

// callTheirs calls the services with etcd's stubs.
func callTheirs(cc grpc.ClientConnInterface) func(context.Context, proto.Message) (proto.Message, error) {
	locks, elections := etcdlockpb.NewLockClient(cc), etcdelectionpb.NewElectionClient(cc)
	return func(ctx context.Context, m proto.Message) (proto.Message, error) {
		switch m.(type) {
		case *v3lockpb.LockRequest:
			return ours[v3lockpb.LockResponse](locks.Lock(ctx, as[etcdlockpb.LockRequest](m)))
		case *v3lockpb.UnlockRequest:
			return ours[v3lockpb.UnlockResponse](locks.Unlock(ctx, as[etcdlockpb.UnlockRequest](m)))
		case *v3electionpb.CampaignRequest:
			return ours[v3electionpb.CampaignResponse](elections.Campaign(ctx, as[etcdelectionpb.CampaignRequest](m)))
		case *v3electionpb.ProclaimRequest:
			return ours[v3electionpb.ProclaimResponse](elections.Proclaim(ctx, as[etcdelectionpb.ProclaimRequest](m)))
		case *v3electionpb.ResignRequest:
			return ours[v3electionpb.ResignResponse](elections.Resign(ctx, as[etcdelectionpb.ResignRequest](m)))
		case observed:
			seeing, stop := context.WithCancel(ctx)
			defer stop()
			seen, err := elections.Observe(seeing, as[etcdelectionpb.LeaderRequest](m))
			if err != nil {
				return nil, err
			}
			return ours[v3electionpb.LeaderResponse](seen.Recv())
		default:
			return ours[v3electionpb.LeaderResponse](elections.Leader(ctx, as[etcdelectionpb.LeaderRequest](m)))
		}
	}
}

// ours returns an answer of etcd's stubs as one of the SDK.
func ours[T any, M interface {
	*T
	proto.Message
}](m any, err error) (proto.Message, error) {
	if err != nil {
		return nil, err
	}
	return M(as[T](m)), nil
}
