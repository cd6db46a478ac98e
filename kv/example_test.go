// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

func Example() {
	ctx := context.Background()
	registry, err := conn.Open(ctx, "registry", []string{"127.0.0.1:2379", "127.0.0.1:2479", "127.0.0.1:2579"})
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()

	base := kv.Key("heartbeat:10.0.0.1").WithConn("registry")
	if _, err := kv.Put(ctx, base.WithValue("up")); err != nil {
		log.Print(err)
		return
	}
	newest := base.WithKey("heartbeat:").WithPrefix().WithSort(kv.ByMod, kv.Descend).WithLimit(10)
	found, err := kv.Get(ctx, newest)
	if err != nil {
		log.Print(err)
		return
	}
	for _, pair := range found.GetKvs() {
		fmt.Printf("%s = %s at revision %d\n", pair.GetKey(), pair.GetValue(), pair.GetModRevision())
	}
}

// A write that failed may have been applied all the same; what is known of it decides what to do.
func ExamplePut_outcome() {
	_, err := kv.Put(context.Background(), kv.New("registry").WithKey("config").WithValue("v2"))
	switch etcderr.OutcomeOf(err) {
	case etcderr.None:
		fmt.Println("written")
	case etcderr.NotSent, etcderr.Rejected:
		fmt.Println("certainly not written:", err)
	case etcderr.Unknown:
		fmt.Println("read it before writing again:", err)
	}
	// Output: certainly not written: conn: not open: "registry"
}

// Compare-and-swap: write only what nobody has changed since it was read.
func ExampleTxn() {
	ctx := context.Background()
	config := kv.New("registry").WithKey("config")
	read, err := kv.Get(ctx, config)
	if err != nil {
		fmt.Println(err)
		return
	}
	var seen int64 // 0: the key is not there
	if pairs := read.GetKvs(); len(pairs) > 0 {
		seen = pairs[0].GetModRevision()
	}
	swap := op.If(compare.New("config").ModRevision(compare.Equal, seen)).
		Then(op.Put(config.WithValue("v2"))).
		Else(op.Get(config))
	switch resp, err := kv.Txn(ctx, kv.New("registry"), swap); {
	case err != nil:
		fmt.Println(err)
	case !resp.GetSucceeded():
		fmt.Println("changed meanwhile:", resp.GetResponses()[0].GetResponseRange().GetKvs())
	}
	// Output: conn: not open: "registry"
}
