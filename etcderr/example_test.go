// SPDX-License-Identifier: Apache-2.0

package etcderr_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
)

// An error tells what the server said, to what request, and whether that had an effect.
func Example() {
	_, err := kv.Put(context.Background(), kv.New("registry").WithKey("config").WithLease(42))
	fmt.Println(errors.Is(err, etcderr.ErrLeaseNotFound))
	fmt.Println(etcderr.OutcomeOf(err))
	if failed := new(etcderr.Error); errors.As(err, &failed) {
		fmt.Println(failed.Method(), failed.Code())
	}
	// Output:
	// true
	// rejected
	// /etcdserverpb.KV/Put NotFound
}
