// SPDX-License-Identifier: Apache-2.0

package compare_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// A key is created only if it is not there yet.
func Example() {
	ctx := context.Background()
	create := op.If(compare.Missing("config")).Then(op.Put(kv.Key("config").WithValue("v1")))
	for range 2 {
		done, err := kv.Txn(ctx, kv.New("registry"), create)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("created:", done.GetSucceeded())
	}
	// Output:
	// created: true
	// created: false
}

// A guard on a range must hold for each key in it.
func ExampleTarget_WithPrefix() {
	ctx := context.Background()
	for _, job := range []string{"a", "b"} {
		if _, err := kv.Put(ctx, kv.New("registry").WithKey("jobs/").WithSubKey(job).WithValue("done")); err != nil {
			log.Fatal(err)
		}
	}
	allDone := compare.New("jobs/").WithPrefix().Value(compare.Equal, "done")
	checked, err := kv.Txn(ctx, kv.New("registry"), op.If(allDone))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("all jobs are done:", checked.GetSucceeded())
	// Output: all jobs are done: true
}

// Guards print themselves without the values in them.
func ExampleCompare_String() {
	fmt.Println(compare.New("config").ModRevision(compare.Equal, 7))
	fmt.Println(compare.New("config").Value("==", "v1"))
	fmt.Println(compare.New("jobs/").WithPrefix().Version(compare.Less, 3))
	fmt.Println(compare.Missing("jobs/stop"))
	// Output:
	// mod_revision("config") = 7
	// value("config") == (2 bytes)
	// version(["jobs/", "jobs0")) < 3
	// create_revision("jobs/stop") = 0
}
