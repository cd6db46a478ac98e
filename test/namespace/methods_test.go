// SPDX-License-Identifier: Apache-2.0

package namespace

import (
	"fmt"
	"testing"

	etcdpb "go.etcd.io/etcd/api/v3/etcdserverpb"
	etcdelectionpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	etcdlockpb "go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
	"google.golang.org/grpc"

	"github.com/eetcd-go/eetcd/internal/namespace"
)

func TestEachRPCOfEtcdHasAPlaceInANamespace(t *testing.T) {
	const (
		refused    = namespace.Refused
		unchanged  = namespace.Unchanged
		translated = namespace.Translated
	)
	services := map[string]namespace.Kind{ // what holds for the RPCs of a service that are not in exceptions
		"etcdserverpb.KV": translated, "etcdserverpb.Watch": translated, "etcdserverpb.Lease": unchanged,
		"etcdserverpb.Cluster": refused, "etcdserverpb.Maintenance": refused, "etcdserverpb.Auth": refused,
		"v3lockpb.Lock": translated, "v3electionpb.Election": translated,
	}
	exceptions := map[string]namespace.Kind{
		"/etcdserverpb.KV/Compact": refused, "/etcdserverpb.Lease/LeaseTimeToLive": translated,
	}
	seen := 0
	for _, service := range []grpc.ServiceDesc{
		etcdpb.KV_ServiceDesc, etcdpb.Watch_ServiceDesc, etcdpb.Lease_ServiceDesc, etcdpb.Cluster_ServiceDesc,
		etcdpb.Maintenance_ServiceDesc, etcdpb.Auth_ServiceDesc, etcdlockpb.Lock_ServiceDesc, etcdelectionpb.Election_ServiceDesc,
	} {
		var names []string
		for _, m := range service.Methods {
			names = append(names, m.MethodName)
		}
		for _, s := range service.Streams {
			names = append(names, s.StreamName)
		}
		for _, name := range names {
			path := fmt.Sprintf("/%s/%s", service.ServiceName, name)
			want, is := exceptions[path]
			if !is {
				want = services[service.ServiceName]
			}
			if got := namespace.KindOf(path); got != want {
				t.Errorf("%s is of the kind %d, want %d", path, got, want)
			}
			seen++
		}
	}
	if seen < 48 {
		t.Errorf("etcd has %d RPCs, which are too few", seen)
	}
}
