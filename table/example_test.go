// SPDX-License-Identifier: Apache-2.0

package table_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/table"
)

// A table of services, read without a server. WaitRev makes the program's own write visible.
func Example() {
	ctx := context.Background()
	services, err := table.Follow(ctx, table.New("registry").WithKey("services/").WithPrefix(), table.String)
	if err != nil {
		log.Fatal(err)
	}
	defer services.Close()

	written, err := kv.Put(ctx, kv.New("registry").WithKey("services/billing").WithValue("10.0.0.1:80"))
	if err != nil {
		log.Fatal(err)
	}
	if err := services.WaitRev(ctx, written.GetHeader().GetRevision()); err != nil {
		log.Fatal(err)
	}
	billing, there := services.Get("services/billing")
	fmt.Println(billing.Value, there)
	for entry := range services.Snapshot().Prefix("services/") {
		fmt.Println(entry.Key, "at", entry.Value)
	}
	// Output:
	// 10.0.0.1:80 true
	// services/billing at 10.0.0.1:80
}

// Configuration that changes while the program runs. A bad value changes nothing.
func ExampleLive() {
	ctx := context.Background()
	type limits struct{ Rate int }
	key := table.New("registry").WithKey("config/limits")
	live, err := table.Live(ctx, key, table.JSON[limits], table.WithDefault(limits{Rate: 100}),
		table.WithValidate(func(l limits) error {
			if l.Rate < 1 {
				return errors.New("the rate must be positive")
			}
			return nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	defer live.Close()

	show := func() {
		if err := live.Sync(ctx); err != nil {
			log.Fatal(err)
		}
		now, _ := live.Load()
		fmt.Println(now.Rate, live.Status().Undecoded)
	}
	show()
	for _, value := range []string{`{"Rate": 5}`, `{"Rate": 0}`, `{"Rate": 6}`} {
		if _, err := kv.Put(ctx, key.WithValue(value)); err != nil {
			log.Fatal(err)
		}
		show()
	}
	// Output:
	// 100 []
	// 5 []
	// 5 [config/limits]
	// 6 []
}

// Changes tells the entries that are there, and then each change.
func ExampleTable_Changes() {
	ctx := context.Background()
	jobs, err := table.Follow(ctx, table.New("registry").WithKey("jobs/").WithPrefix(), table.String)
	if err != nil {
		log.Fatal(err)
	}
	defer jobs.Close()
	go func() {
		job := kv.New("registry").WithKey("jobs/a")
		if _, err := kv.Put(ctx, job.WithValue("waiting")); err != nil {
			log.Print(err)
		}
	}()
	for change := range jobs.Changes(ctx) {
		if change.New == nil {
			fmt.Println(change.Old.Key, "is gone")
			break
		}
		fmt.Println(change.New.Key, "is", change.New.Value)
		if _, err := kv.Delete(ctx, kv.New("registry").WithKey("jobs/a")); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// jobs/a is waiting
	// jobs/a is gone
}
