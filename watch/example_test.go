// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/watch"
)

// List the keys, then watch from the next revision on: no change is missed, and none comes twice.
func Example() {
	ctx := context.Background()
	services := kv.New("registry").WithKey("services/") // conn.Open has opened "registry"
	if _, err := kv.Put(ctx, services.WithSubKey("billing").WithValue("10.0.0.1:80")); err != nil {
		log.Fatal(err)
	}
	all, err := kv.Get(ctx, services.WithPrefix())
	if err != nil {
		log.Fatal(err)
	}
	for _, pair := range all.GetKvs() {
		fmt.Printf("there is %s = %s\n", pair.GetKey(), pair.GetValue())
	}
	w, err := watch.Watch(ctx, services.WithPrefix().WithStartRevision(all.GetHeader().GetRevision()+1))
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()

	if _, err := kv.Put(ctx, services.WithSubKey("search").WithValue("10.0.0.2:80")); err != nil {
		log.Fatal(err)
	}
	if _, err := kv.Delete(ctx, services.WithSubKey("billing")); err != nil {
		log.Fatal(err)
	}
	seen := 0
	for event, err := range w.Events() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v %s\n", event.GetType(), event.GetKv().GetKey())
		if seen++; seen == 2 {
			break
		}
	}
	// Output:
	// there is services/billing = 10.0.0.1:80
	// PUT services/search
	// DELETE services/billing
}

// The history of a key is there until it is compacted. A watch that asks for more says where the history begins.
func ExampleCompactedError() {
	ctx := context.Background()
	key := kv.New("registry").WithKey("history")
	if _, err := kv.Put(ctx, key.WithValue("v1")); err != nil {
		log.Fatal(err)
	}
	second, err := kv.Put(ctx, key.WithValue("v2"))
	if err != nil {
		log.Fatal(err)
	}
	begins := second.GetHeader().GetRevision()
	if _, err := kv.Compact(ctx, kv.New("registry").WithRev(begins)); err != nil {
		log.Fatal(err)
	}
	w, err := watch.Watch(ctx, key.WithStartRevision(1))
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	for _, err := range w.Events() {
		if compacted := new(watch.CompactedError); errors.As(err, &compacted) {
			fmt.Println("the history begins where it was compacted:", compacted.CompactRevision >= begins)
		}
	}
	// Output: the history begins where it was compacted: true
}
