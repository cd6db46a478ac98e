// SPDX-License-Identifier: Apache-2.0

package call

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
	pb "github.com/eetcd-go/eetcd/gen/etcdserverpb"
	"github.com/eetcd-go/eetcd/gen/v3electionpb"
	"github.com/eetcd-go/eetcd/gen/v3lockpb"
)

func TestRetryPausesGrowWithinBounds(t *testing.T) {
	for n, limit := range map[int]time.Duration{0: 20, 1: 40, 4: 320, 5: 500, 60: 500} {
		for range 100 {
			if d := retryWait(n); d < limit*time.Millisecond/2 || d > limit*time.Millisecond {
				t.Fatalf("retry %d waits %v, want %d to %d ms", n, d, limit/2, limit)
			}
		}
	}
}

func TestBudgetBoundsRetriesAndRefills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		taken := func() int {
			n := 0
			for b.take() {
				n++
			}
			return n
		}
		if n := taken(); n != 1024 {
			t.Errorf("%d retries from a full budget, want 1024", n)
		}
		for range 100 {
			b.credit()
		}
		if n := taken(); n != 10 {
			t.Errorf("100 successes pay for %d retries, want 10", n)
		}
		time.Sleep(time.Second)
		if n := taken(); n != 20 {
			t.Errorf("a second pays for %d retries, want 20", n)
		}
		time.Sleep(time.Hour)
		if n := taken(); n != 1024 {
			t.Errorf("an hour pays for %d retries, want no more than a full budget of 1024", n)
		}
	})
}

func TestRequestThatWasNotSentCostsNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spent := newBudget()
		for spent.take() {
		}
		for _, sent := range []bool{false, true} {
			u := &unary{shared: &common{budget: spent, Config: Config{Life: t.Context()}}, parent: t.Context()}
			u.ctx = t.Context()
			u.deadline = time.Now().Add(49 * time.Millisecond) // less than a token takes to come
			err := etcderr.FromRPC(status.Error(codes.Unavailable, "broken"), etcderr.Call{Sent: sent})
			if got := u.pause(0, err); got == sent {
				t.Errorf("with the budget spent, a request that was sent: %v is repeated: %v", sent, got)
			}
		}
	})
}

var services = []grpc.ServiceDesc{
	pb.KV_ServiceDesc, pb.Watch_ServiceDesc, pb.Lease_ServiceDesc, pb.Cluster_ServiceDesc, pb.Maintenance_ServiceDesc,
	pb.Auth_ServiceDesc, v3lockpb.Lock_ServiceDesc, v3electionpb.Election_ServiceDesc,
}

func TestTableOfMethodsHasEachUnaryRPCAndNoUnknownOne(t *testing.T) {
	known := map[string]bool{}
	for _, service := range services {
		for _, m := range service.Methods {
			path := "/" + service.ServiceName + "/" + m.MethodName
			known[path] = true
			if _, ok := methods[path]; !ok {
				t.Errorf("the table does not say what %s allows", path)
			}
		}
		for _, s := range service.Streams {
			known["/"+service.ServiceName+"/"+s.StreamName] = true
		}
	}
	for path := range methods {
		if !known[path] {
			t.Errorf("the table has %s, which no service has", path)
		}
	}
}

// TestOnlyMethodsThatChangeNothingAreReads checks for each method of every service whether it may be sent twice.
func TestOnlyMethodsThatChangeNothingAreReads(t *testing.T) {
	reads := map[string]bool{
		"KV/Range": true, "Lease/LeaseTimeToLive": true, "Lease/LeaseLeases": true, "Cluster/MemberList": true,
		"Maintenance/Status": true, "Maintenance/Hash": true, "Maintenance/HashKV": true, "Auth/AuthStatus": true,
		"Auth/UserGet": true, "Auth/UserList": true, "Auth/RoleGet": true, "Auth/RoleList": true, "Election/Leader": true,
	}
	seen := 0
	for _, service := range services {
		for _, m := range service.Methods {
			path := "/" + service.ServiceName + "/" + m.MethodName
			short := service.ServiceName[strings.LastIndex(service.ServiceName, ".")+1:] + "/" + m.MethodName
			if got := traitsOf(path, nil)&read != 0; got != reads[short] {
				t.Errorf("%s: a read is %v, want %v", path, got, reads[short])
			}
			if reads[short] {
				seen++
			}
		}
	}
	if seen != len(reads) {
		t.Errorf("%d of %d reads are methods of a service", seen, len(reads))
	}
	if traitsOf("/someone.Else/Call", nil) != 0 {
		t.Error("an unknown method is not taken for a write")
	}
}

func TestOnlyTransactionsWithoutWritesAreReads(t *testing.T) {
	get := &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: &pb.RangeRequest{}}}
	put := &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{}}}
	del := &pb.RequestOp{Request: &pb.RequestOp_RequestDeleteRange{RequestDeleteRange: &pb.DeleteRangeRequest{}}}
	nest := func(ops ...*pb.RequestOp) *pb.RequestOp {
		return &pb.RequestOp{Request: &pb.RequestOp_RequestTxn{RequestTxn: &pb.TxnRequest{Failure: ops}}}
	}
	for _, c := range []struct {
		name          string
		then, orElse  []*pb.RequestOp
		wantsToBeRead bool
	}{
		{"guards only", nil, nil, true},
		{"reads", []*pb.RequestOp{get}, []*pb.RequestOp{get, get}, true},
		{"nested reads", []*pb.RequestOp{nest(get)}, nil, true},
		{"put", []*pb.RequestOp{get, put}, nil, false},
		{"delete in else", []*pb.RequestOp{get}, []*pb.RequestOp{del}, false},
		{"nested put", []*pb.RequestOp{get, nest(nest(get), nest(put))}, nil, false},
		{"empty operation", []*pb.RequestOp{{}}, nil, false},
	} {
		txn := &pb.TxnRequest{Success: c.then, Failure: c.orElse}
		if got := traitsOf(pb.KV_Txn_FullMethodName, txn)&read != 0; got != c.wantsToBeRead {
			t.Errorf("%s: a read is %v, want %v", c.name, got, c.wantsToBeRead)
		}
	}
	get1, activate := &pb.AlarmRequest{}, &pb.AlarmRequest{Action: pb.AlarmRequest_DEACTIVATE}
	if traitsOf(pb.Maintenance_Alarm_FullMethodName, get1)&read == 0 || traitsOf(pb.Maintenance_Alarm_FullMethodName, activate)&read != 0 {
		t.Error("to list alarms is a read, to change them is none")
	}
}
