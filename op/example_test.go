// SPDX-License-Identifier: Apache-2.0

package op_test

import (
	"fmt"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

func Example() {
	const seen = 7 // the mod revision of an earlier read
	swap := op.If(compare.New("config").ModRevision(compare.Equal, seen)).
		Then(op.Put(kv.Key("config").WithValue("v2"))).
		Else(op.Get(kv.Key("config")))
	fmt.Println(swap)
	// Output:
	// txn(if mod_revision("config") = 7; then put ctx(key="config" value=(2 bytes)); else get ctx(key="config"))
}

func ExampleTransaction_TxnRequest() {
	wrong := op.If(compare.New("config").Version("<=", 3)).
		Then(op.Put(kv.Key("config").WithLimit(1)))
	_, err := wrong.TxnRequest(kv.New("registry").WithKey("config"))
	fmt.Println(err)
	// Output:
	// ctx: WithKey does not apply to a txn request; op: if[0]: compare: unknown operator "<=" on key "config"; op: then[0]: ctx: WithLimit does not apply to a put request
}
