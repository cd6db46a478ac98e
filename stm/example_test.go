// SPDX-License-Identifier: Apache-2.0

package stm_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/stm"
)

var errTooLittle = errors.New("there is not enough in the account")

// Money goes from one account to another, and nobody ever sees it in both or in neither.
func Example() {
	ctx := context.Background()
	const amount = 10
	_, err := stm.Run(ctx, stm.New("registry"), func(tx *stm.Tx) error {
		var balance [2]int
		for i, key := range []string{"account/a", "account/b"} {
			value, err := tx.Get(key)
			if err != nil {
				return err
			}
			if balance[i], err = strconv.Atoi(value); err != nil {
				return err
			}
		}
		if balance[0] < amount {
			return errTooLittle // nothing is written
		}
		tx.Put("account/a", strconv.Itoa(balance[0]-amount))
		tx.Put("account/b", strconv.Itoa(balance[1]+amount))
		return nil
	}, stm.WithPrefetch("account/a", "account/b"))
	switch {
	case err == nil:
		fmt.Println("transferred")
	case errors.Is(err, errTooLittle), errors.Is(err, stm.ErrConflict):
		fmt.Println("not transferred:", err)
	case etcderr.OutcomeOf(err) == etcderr.Unknown:
		fmt.Println("look at the accounts before trying again:", err)
	default:
		fmt.Println("not transferred:", err)
	}
	// Output: not transferred: conn: not open: "registry"
}

// The first job of a queue is taken by one worker only, and putting others into the queue is not in its way.
func ExampleTx_Range() {
	var job string
	_, err := stm.Run(context.Background(), stm.New("registry"), func(tx *stm.Tx) error {
		job = "" // of a try before
		first, err := tx.Range(kv.Key("queue/").WithFirstKey())
		if err != nil || len(first) == 0 {
			return err
		}
		job = string(first[0].GetValue())
		tx.Delete(string(first[0].GetKey()))
		return nil
	})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(job)
}
