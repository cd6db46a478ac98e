// SPDX-License-Identifier: Apache-2.0

package ctx_test

import (
	"fmt"

	"github.com/eetcd-go/eetcd/ctx"
)

func Example() {
	base := ctx.New("registry").WithKey("heartbeat:").WithPrefix()
	newest := base.WithSort(ctx.ByMod, ctx.Descend).WithLimit(10)
	count := base.WithCountOnly()
	fmt.Println(base)
	fmt.Println(newest)
	fmt.Println(count)
	// Output:
	// ctx(conn="registry" key="heartbeat:" prefix)
	// ctx(conn="registry" key="heartbeat:" prefix sort=mod/descend limit=10)
	// ctx(conn="registry" key="heartbeat:" prefix count-only)
}

func ExampleErrInvalid() {
	_, err := ctx.Key("config").WithValue("v1").WithLimit(1).WithTimeout(5).PutRequest()
	fmt.Println(err)
	// Output:
	// ctx: WithLimit does not apply to a put request; ctx: WithTimeout(5ns) is below 1ms in a put request
}

func ExamplePrefixEnd() {
	fmt.Printf("%q %q %q\n", ctx.PrefixEnd("a"), ctx.PrefixEnd("a\xff"), ctx.PrefixEnd(""))
	// Output: "b" "b" "\x00"
}
