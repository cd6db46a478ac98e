// SPDX-License-Identifier: Apache-2.0

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

func Example() {
	ctx := context.Background()
	services := kv.New("registry").WithKey("services/") // conn.Open has opened "registry"
	for name, address := range map[string]string{"billing": "10.0.0.1:80", "search": "10.0.0.2:80"} {
		if _, err := kv.Put(ctx, services.WithSubKey(name).WithValue(address)); err != nil {
			log.Fatal(err)
		}
	}
	all, err := kv.Get(ctx, services.WithPrefix().WithSort(kv.ByKey, kv.Descend))
	if err != nil {
		log.Fatal(err)
	}
	for _, pair := range all.GetKvs() {
		fmt.Printf("%s = %s\n", pair.GetKey(), pair.GetValue())
	}
	// Output:
	// services/search = 10.0.0.2:80
	// services/billing = 10.0.0.1:80
}

// A base request serves for many requests, and WithRev reads the past.
func ExampleGet() {
	ctx := context.Background()
	config := kv.New("registry").WithKey("config/level")
	written, err := kv.Put(ctx, config.WithValue("debug"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := kv.Put(ctx, config.WithValue("info")); err != nil {
		log.Fatal(err)
	}
	for _, request := range []kv.Request{config, config.WithRev(written.GetHeader().GetRevision())} {
		found, err := kv.Get(ctx, request)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", found.GetKvs()[0].GetValue())
	}
	// Output:
	// info
	// debug
}

// All mistakes in a request are reported at once, before anything is sent.
func ExamplePut_mistakes() {
	_, err := kv.Put(context.Background(), kv.New("registry").WithKey("config").WithLimit(10).WithTimeout(5))
	fmt.Println(errors.Is(err, kv.ErrInvalid))
	fmt.Println(err)
	// Output:
	// true
	// ctx: WithLimit does not apply to a put request; ctx: WithTimeout(5ns) is below 1ms in a put request
}

// A write that failed may have been applied all the same. Its outcome tells whether it is safe to write again.
func ExamplePut_outcome() {
	_, err := kv.Put(context.Background(), kv.New("registry").WithKey("config").WithLease(42))
	if errors.Is(err, etcderr.ErrLeaseNotFound) {
		fmt.Println("there is no such lease")
	}
	switch etcderr.OutcomeOf(err) {
	case etcderr.None:
		fmt.Println("written")
	case etcderr.NotSent, etcderr.Rejected:
		fmt.Println("certainly not written")
	case etcderr.Unknown:
		fmt.Println("read it before writing again")
	}
	// Output:
	// there is no such lease
	// certainly not written
}

// A delete of a range returns what it deletes, if it is asked to.
func ExampleDelete() {
	ctx := context.Background()
	jobs := kv.New("registry").WithKey("finished/")
	for _, name := range []string{"a", "b"} {
		if _, err := kv.Put(ctx, jobs.WithSubKey(name).WithValue("done")); err != nil {
			log.Fatal(err)
		}
	}
	deleted, err := kv.Delete(ctx, jobs.WithPrefix().WithPrevKV())
	if err != nil {
		log.Fatal(err)
	}
	for _, pair := range deleted.GetPrevKvs() {
		fmt.Printf("%s was %s\n", pair.GetKey(), pair.GetValue())
	}
	// Output:
	// finished/a was done
	// finished/b was done
}

// Compare and swap writes only if nobody has changed the key since it was read.
func ExampleTxn() {
	ctx := context.Background()
	config := kv.New("registry").WithKey("config/owner")
	written, err := kv.Put(ctx, config.WithValue("anna"))
	if err != nil {
		log.Fatal(err)
	}
	swap := op.If(compare.New("config/owner").ModRevision(compare.Equal, written.GetHeader().GetRevision())).
		Then(op.Put(config.WithValue("ben"))).
		Else(op.Get(config))
	for range 2 {
		done, err := kv.Txn(ctx, kv.New("registry"), swap)
		if err != nil {
			log.Fatal(err)
		}
		if done.GetSucceeded() {
			fmt.Println("swapped")
		} else {
			fmt.Printf("the owner is %s\n", done.GetResponses()[0].GetResponseRange().GetKvs()[0].GetValue())
		}
	}
	// Output:
	// swapped
	// the owner is ben
}

// PrefixEnd is for a range that begins within a prefix, such as the next page of one.
func ExamplePrefixEnd() {
	fmt.Printf("%q %q %q\n", kv.PrefixEnd("a"), kv.PrefixEnd("a\xff"), kv.PrefixEnd(""))
	// Output: "b" "b" "\x00"
}

// A range of any size is read in pages, all at one revision.
func ExampleAll() {
	ctx := context.Background()
	parts := kv.New("registry").WithKey("parts/")
	for i := range 3 {
		if _, err := kv.Put(ctx, parts.WithSubKey(fmt.Sprint(i)).WithValue("v")); err != nil {
			log.Fatal(err)
		}
	}
	for pair, err := range kv.All(ctx, parts.WithPrefix()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", pair.GetKey())
	}
	// Output:
	// parts/0
	// parts/1
	// parts/2
}

// Many keys are read at one revision, whatever is written meanwhile.
func ExampleGetMany() {
	ctx := context.Background()
	limits := kv.New("registry").WithKey("limits/")
	for _, name := range []string{"cpu", "memory"} {
		if _, err := kv.Put(ctx, limits.WithSubKey(name).WithValue("10")); err != nil {
			log.Fatal(err)
		}
	}
	keys := []string{"limits/cpu", "limits/memory", "limits/disk"}
	found, err := kv.GetMany(ctx, kv.New("registry"), keys...)
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range keys {
		if pair, there := found.Get(key); there {
			fmt.Printf("%s = %s\n", key, pair.GetValue())
		} else {
			fmt.Println("there is no", key)
		}
	}
	// Output:
	// limits/cpu = 10
	// limits/memory = 10
	// there is no limits/disk
}

// Many pairs are few transactions.
func ExamplePutMany() {
	written, err := kv.PutMany(context.Background(), kv.New("registry"), func(yield func(key, value string) bool) {
		for i := range 300 {
			if !yield(fmt.Sprintf("cells/%d", i), "empty") {
				return
			}
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(written.Pairs, "pairs in", written.Revisions, "transactions")
	// Output: 300 pairs in 3 transactions
}

// What is not written may be tried again.
func ExamplePartialError() {
	pairs := map[string]string{"a": "1", "b": "2"}
	_, err := kv.PutMany(context.Background(), kv.New("registry").WithLease(42), maps.All(pairs))
	var partial *kv.PartialError
	if errors.As(err, &partial) {
		fmt.Printf("%d written, %d unknown, %d not written\n", partial.Written, partial.Unknown, partial.NotWritten)
	}
	fmt.Println(errors.Is(err, etcderr.ErrLeaseNotFound))
	// Output:
	// 0 written, 0 unknown, 2 not written
	// true
}
