// SPDX-License-Identifier: Apache-2.0

package op_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// A job is taken by one worker only: its key moves if nobody has taken it.
func Example() {
	ctx := context.Background()
	if _, err := kv.Put(ctx, kv.New("registry").WithKey("jobs/waiting/a")); err != nil {
		log.Fatal(err)
	}
	take := op.If(compare.Exists("jobs/waiting/a")).
		Then(op.Delete(kv.Key("jobs/waiting/a")), op.Put(kv.Key("jobs/taken/a").WithValue("worker 1"))).
		Else(op.Get(kv.Key("jobs/taken/a")))
	for range 2 {
		done, err := kv.Txn(ctx, kv.New("registry"), take)
		if err != nil {
			log.Fatal(err)
		}
		if done.GetSucceeded() {
			fmt.Println("taken")
		} else {
			fmt.Printf("%s has it\n", done.GetResponses()[0].GetResponseRange().GetKvs()[0].GetValue())
		}
	}
	// Output:
	// taken
	// worker 1 has it
}

// A transaction prints itself without the values in it.
func ExampleTransaction_String() {
	fmt.Println(op.If(compare.New("config").ModRevision(compare.Equal, 7)).
		Then(op.Put(kv.Key("config").WithValue("v2"))).
		Else(op.Get(kv.Key("config"))))
	// Output:
	// txn(if mod_revision("config") = 7; then put ctx(key="config" value=(2 bytes)); else get ctx(key="config"))
}

// Mistakes are reported all at once, with their place in the transaction.
func ExampleTransaction_mistakes() {
	wrong := op.If(compare.New("config").Version("<=", 3)).
		Then(op.Put(kv.Key("config").WithLimit(1)))
	_, err := kv.Txn(context.Background(), kv.New("registry"), wrong)
	fmt.Println(err)
	// Output:
	// op: if[0]: compare: unknown operator "<=" on key "config"; op: then[0]: ctx: WithLimit does not apply to a put request
}
