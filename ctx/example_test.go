// SPDX-License-Identifier: Apache-2.0

package ctx_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/eetcd-go/eetcd/ctx"
	"github.com/eetcd-go/eetcd/kv"
)

// One base serves for many requests, and stays as it is. kv.New makes the same requests, and needs no import of this package.
func Example() {
	jobs := ctx.New("registry").WithKey("jobs/")
	for _, name := range []string{"a", "b", "c"} {
		if _, err := kv.Put(context.Background(), jobs.WithSubKey(name).WithValue("waits")); err != nil {
			log.Fatal(err)
		}
	}
	for _, request := range []ctx.Ctx{
		jobs.WithPrefix().WithSort(ctx.ByKey, ctx.Descend).WithLimit(1),
		jobs.WithPrefix().WithCountOnly(),
	} {
		found, err := kv.Get(context.Background(), request)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v: %d keys in all, %d here\n", request, found.GetCount(), len(found.GetKvs()))
	}
	// Output:
	// ctx(conn="registry" key="jobs/" prefix sort=key/descend limit=1): 3 keys in all, 1 here
	// ctx(conn="registry" key="jobs/" prefix count-only): 3 keys in all, 0 here
}

func ExampleErrInvalid() {
	_, err := kv.Put(context.Background(), ctx.New("registry").WithKey("config").WithLimit(1).WithTimeout(5))
	fmt.Println(errors.Is(err, ctx.ErrInvalid))
	fmt.Println(err)
	// Output:
	// true
	// ctx: WithLimit does not apply to a put request; ctx: WithTimeout(5ns) is below 1ms in a put request
}

func ExamplePrefixEnd() {
	fmt.Printf("%q %q %q\n", ctx.PrefixEnd("a"), ctx.PrefixEnd("a\xff"), ctx.PrefixEnd(""))
	// Output: "b" "b" "\x00"
}
