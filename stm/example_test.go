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

// Money moves from one account to another. Nobody sees it in both accounts, or in neither.
func Example() {
	ctx := context.Background()
	for account, balance := range map[string]string{"account/a": "15", "account/b": "0"} {
		if _, err := kv.Put(ctx, kv.New("registry").WithKey(account).WithValue(balance)); err != nil {
			log.Fatal(err)
		}
	}
	transfer := func(amount int) error {
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
		return err
	}
	for range 2 {
		switch err := transfer(10); {
		case err == nil:
			fmt.Println("transferred")
		case errors.Is(err, errTooLittle):
			fmt.Println("not transferred:", err)
		case etcderr.OutcomeOf(err) == etcderr.Unknown:
			fmt.Println("look at the accounts before trying again:", err)
		default:
			fmt.Println("nothing was written:", err)
		}
	}
	// Output:
	// transferred
	// not transferred: there is not enough in the account
}

// One worker takes the first job of a queue. New jobs that arrive meanwhile do not disturb it.
func ExampleTx_Range() {
	ctx := context.Background()
	for _, job := range []string{"1", "2"} {
		if _, err := kv.Put(ctx, kv.New("registry").WithKey("queue/").WithSubKey(job).WithValue("job "+job)); err != nil {
			log.Fatal(err)
		}
	}
	var job string
	_, err := stm.Run(ctx, stm.New("registry"), func(tx *stm.Tx) error {
		job = "" // of an earlier run of this function
		first, err := tx.Range(kv.Key("queue/").WithFirstKey())
		if err != nil || len(first) == 0 {
			return err
		}
		job = string(first[0].GetValue())
		tx.Delete(string(first[0].GetKey()))
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job)
	// Output: job 1
}
