// SPDX-License-Identifier: Apache-2.0

package etcderr_test

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
)

func Example() {
	// err is what kv.Put returned.
	answer := status.Error(codes.NotFound, "etcdserver: requested lease not found")
	err := etcderr.FromRPC(answer, etcderr.Call{Method: "/etcdserverpb.KV/Put", Endpoint: "127.0.0.1:2379", Sent: true})

	fmt.Println(errors.Is(err, etcderr.ErrLeaseNotFound))
	fmt.Println(etcderr.OutcomeOf(err))
	fmt.Println(err)
	// Output:
	// true
	// rejected
	// etcd: etcdserverpb.KV/Put at 127.0.0.1:2379: etcdserver: requested lease not found
}
