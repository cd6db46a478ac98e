// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"context"
	"fmt"
	"log"
	"sync"
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

// Two readers hold the lock at the same time, and no writer does.
func ExampleShared() {
	ctx := context.Background()
	config := lock.New("registry").WithName("config")
	err := lock.Shared(ctx, config, 10*time.Second, func(held context.Context, _ lock.Held) error {
		fmt.Println("one reads")
		written, err := lock.Try(held, config, 10*time.Second, func(context.Context, lock.Held) error { return nil })
		if err != nil {
			return err
		}
		fmt.Println("a writer has it:", written)
		// Another process does the same. A reader must not read again within its own turn.
		another := make(chan error)
		go func() {
			another <- lock.Shared(ctx, config, 10*time.Second, func(context.Context, lock.Held) error {
				fmt.Println("another reads")
				return nil
			})
		}()
		return <-another
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// one reads
	// a writer has it: false
	// another reads
}

// At most two of five imports run at the same time.
func ExampleSemaphore() {
	ctx := context.Background()
	imports := lock.New("registry").WithName("imports")
	var mu sync.Mutex
	var running, most int
	add := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		running += n
		most = max(most, running)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			err := lock.Semaphore(ctx, imports, 2, 10*time.Second, func(context.Context, lock.Held) error {
				add(1)
				defer add(-1)
				return nil
			})
			if err != nil {
				log.Fatal(err)
			}
		})
	}
	all.Wait()
	fmt.Println("more than two at a time:", most > 2)
	// Output: more than two at a time: false
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
