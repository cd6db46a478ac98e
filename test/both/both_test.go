// SPDX-License-Identifier: Apache-2.0

// Package both proves that one program can use this SDK beside etcd's own client. Two registrations of one protobuf
// name would end the program at its start. Each client sees what the other does on a real server.
package both

import (
	"context"
	"errors"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	etcdelectionpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	etcdlockpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/election"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
	"github.com/eetcd-go/eetcd/internal/onecluster"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// open connects both clients to one new server.
func open(t *testing.T) (*conn.Conn, *clientv3.Client) {
	t.Helper()
	endpoints := etcdtest.Start(t).Endpoints()
	return onecluster.Open(t, "", endpoints), clients.OpenClientV3(t, endpoints...)
}

// bounded keeps a test from waiting forever: clientv3 has no deadline of its own.
func bounded(t *testing.T) context.Context {
	parent, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return parent
}

func TestEachClientReadsWhatTheOtherWrote(t *testing.T) {
	ours, theirs := open(t)
	parent, base := bounded(t), kv.New(ours.Name())

	put, err := kv.Put(parent, base.WithKey("ours").WithValue("from eetcd"))
	if err != nil {
		t.Fatal(err)
	}
	seen, err := theirs.Get(parent, "ours")
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.Kvs) != 1 || string(seen.Kvs[0].Value) != "from eetcd" || seen.Kvs[0].ModRevision != put.Header.Revision {
		t.Errorf("clientv3 reads %v, written at revision %d", seen.Kvs, put.Header.Revision)
	}

	theirPut, err := theirs.Put(parent, "theirs", "from clientv3")
	if err != nil {
		t.Fatal(err)
	}
	got, err := kv.Get(parent, base.WithKey("theirs"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "from clientv3" || got.Kvs[0].ModRevision != theirPut.Header.Revision {
		t.Errorf("the SDK reads %v, written at revision %d", got.Kvs, theirPut.Header.Revision)
	}
}

func TestEachClientGuardsATransactionByTheOthersWrite(t *testing.T) {
	ours, theirs := open(t)
	parent, base := bounded(t), kv.New(ours.Name())

	before, err := theirs.Put(parent, "key", "1")
	if err != nil {
		t.Fatal(err)
	}
	swap := op.If(compare.New("key").ModRevision(compare.Equal, before.Header.Revision)).
		Then(op.Put(ctx.Key("key").WithValue("2")))
	swapped, err := kv.Txn(parent, base, swap)
	if err != nil {
		t.Fatal(err)
	}
	if !swapped.Succeeded {
		t.Error("the SDK's guard does not hold for clientv3's write")
	}

	again, err := theirs.Txn(parent).
		If(clientv3.Compare(clientv3.ModRevision("key"), "=", swapped.Header.Revision), clientv3.Compare(clientv3.Value("key"), "=", "2")).
		Then(clientv3.OpDelete("key")).
		Commit()
	if err != nil {
		t.Fatal(err)
	}
	if !again.Succeeded {
		t.Error("clientv3's guard does not hold for the SDK's write")
	}
	gone, err := kv.Get(parent, base.WithKey("key"))
	if err != nil {
		t.Fatal(err)
	}
	if gone.Count != 0 {
		t.Errorf("deleted by clientv3, but the SDK reads %v", gone.Kvs)
	}
}

// The lock and election services are not part of clientv3, but etcd's stubs for them register names too.
func TestLocksAndElectionsAreSharedWithEtcdsOwnStubs(t *testing.T) {
	ours, theirs := open(t)
	parent := bounded(t)

	ourLocks, theirLocks := v3lockpb.NewLockClient(ours), etcdlockpb.NewLockClient(theirs.ActiveConnection())
	held, err := ourLocks.Lock(parent, &v3lockpb.LockRequest{Name: []byte("lock")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirLocks.Unlock(parent, &etcdlockpb.UnlockRequest{Key: held.Key}); err != nil {
		t.Fatal(err)
	}
	// It blocks, and fails at parent's deadline, if the unlock did not work.
	theirHeld, err := theirLocks.Lock(parent, &etcdlockpb.LockRequest{Name: []byte("lock")})
	if err != nil {
		t.Fatal(err)
	}
	if string(theirHeld.Key) == string(held.Key) {
		t.Errorf("two holders of one lock got the same key %q", held.Key)
	}
	if _, err := ourLocks.Unlock(parent, &v3lockpb.UnlockRequest{Key: theirHeld.Key}); err != nil {
		t.Fatal(err)
	}

	ourElections, theirElections := v3electionpb.NewElectionClient(ours), etcdelectionpb.NewElectionClient(theirs.ActiveConnection())
	granted, err := theirs.Grant(parent, 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := theirElections.Campaign(parent, &etcdelectionpb.CampaignRequest{
		Name: []byte("election"), Lease: int64(granted.ID), Value: []byte("candidate"),
	}); err != nil {
		t.Fatal(err)
	}
	leader, err := ourElections.Leader(parent, &v3electionpb.LeaderRequest{Name: []byte("election")})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(leader.GetKv().GetValue()); got != "candidate" {
		t.Errorf("the SDK sees leader %q", got)
	}
}

// docs/clientv3.md promises this to users who move from one to the other.
func TestLocksAndElectionsAreSharedWithPackageConcurrency(t *testing.T) {
	ours, theirs := open(t)
	parent := bounded(t)
	session, err := concurrency.NewSession(theirs, concurrency.WithTTL(60))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	granted, err := lease.Grant(parent, lease.New(ours.Name()), time.Minute)
	if err != nil {
		t.Fatal(err)
	}

	// Each holds the lock in turn, and while it does the other cannot.
	const briefly = 200 * time.Millisecond
	ourLock := lock.New(ours.Name()).WithName("jobs").WithLease(granted.GetID())
	mutex := concurrency.NewMutex(session, "jobs")
	if err := mutex.Lock(parent); err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Lock(parent, ourLock.WithTimeout(briefly)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("lock.Lock while clientv3 holds it: %v", err)
	}
	if err := mutex.Unlock(parent); err != nil {
		t.Fatal(err)
	}
	held, err := lock.Lock(parent, ourLock)
	if err != nil {
		t.Fatal(err)
	}
	if err := mutex.TryLock(parent); !errors.Is(err, concurrency.ErrLocked) {
		t.Errorf("TryLock while the SDK holds it: %v", err)
	}
	if _, err := lock.Unlock(parent, lock.New(ours.Name()).WithKeyBytes(held.GetKey())); err != nil {
		t.Fatal(err)
	}
	if err := mutex.TryLock(parent); err != nil {
		t.Errorf("TryLock after the SDK's Unlock: %v", err)
	}

	// Each leads in turn, and the other sees it.
	ourElection, theirElection := election.New(ours.Name()).WithName("leaders"), concurrency.NewElection(session, "leaders")
	if err := theirElection.Campaign(parent, "theirs"); err != nil {
		t.Fatal(err)
	}
	if got, err := election.Leader(parent, ourElection); err != nil || string(got.GetKv().GetValue()) != "theirs" {
		t.Errorf("the SDK sees %v, %v", got, err)
	}
	if err := theirElection.Resign(parent); err != nil {
		t.Fatal(err)
	}
	if _, err := election.Campaign(parent, ourElection.WithLease(granted.GetID()).WithValue("ours")); err != nil {
		t.Fatal(err)
	}
	if got, err := theirElection.Leader(parent); err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "ours" {
		t.Errorf("clientv3 sees %v, %v", got, err)
	}
}
