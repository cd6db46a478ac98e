// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
	"github.com/eetcd-go/eetcd/lock"
	"github.com/eetcd-go/eetcd/op"
)

// Do runs a function under the lock. The guard has the server refuse the write of a former holder.
func Example() {
	ctx := context.Background()
	work := kv.Key("reports/today").WithValue("written by one worker")
	err := lock.Do(ctx, lock.New("registry").WithName("reports"), 10*time.Second,
		func(held context.Context, l lock.Held) error {
			written, err := kv.Txn(held, kv.New("registry"), op.If(l.Guard()).Then(op.Put(work)))
			if err == nil {
				fmt.Println("written:", written.GetSucceeded())
			}
			return err
		})
	if err != nil {
		log.Fatal(err)
	}
	// Output: written: true
}

// Try runs the function only if the lock is free.
func ExampleTry() {
	ctx := context.Background()
	request := lock.New("registry").WithName("nightly")
	_, err := lock.Try(ctx, request, 10*time.Second, func(held context.Context, _ lock.Held) error {
		fmt.Println("the first has the lock")
		second, err := lock.Try(held, request, 10*time.Second, func(context.Context, lock.Held) error { return nil })
		fmt.Println("the second has it too:", second)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// the first has the lock
	// the second has it too: false
}

// Acquire is for a holder that manages its lease, and gives the lock up elsewhere.
func ExampleAcquire() {
	ctx := context.Background()
	granted, err := lease.Grant(ctx, lease.New("registry"), 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	defer lease.Revoke(ctx, lease.New("registry"), granted.GetID())
	held, err := lock.Acquire(ctx, lock.New("registry").WithName("printer").WithLease(granted.GetID()))
	if err != nil {
		log.Fatal(err)
	}
	printed, err := kv.Txn(ctx, kv.New("registry"), op.If(held.Guard()).Then(op.Put(kv.Key("printer/page").WithValue("1"))))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("printed:", printed.GetSucceeded())
	if err := held.Release(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: printed: true
}
