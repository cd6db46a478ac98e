// SPDX-License-Identifier: Apache-2.0

package typed_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/typed"
)

type Account struct {
	Owner   string
	Balance int
}

// Accounts are opened once, changed without losing a change of others, and listed.
func Example() {
	ctx := context.Background()
	accounts := typed.Of(typed.New("registry").WithKey("accounts/"), typed.JSON[Account]())
	for range 2 {
		_, err := accounts.Create(ctx, "a", Account{Owner: "ann"})
		switch {
		case err == nil:
			fmt.Println("opened")
		case errors.Is(err, typed.ErrExists):
			fmt.Println("open already")
		default:
			log.Fatal(err)
		}
	}
	_, err := accounts.Update(ctx, "a", func(old Account, there bool) (Account, error) {
		if !there {
			return old, errors.New("no such account")
		}
		old.Balance += 10
		return old, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	for entry, err := range accounts.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Key, entry.Value.Owner, entry.Value.Balance, entry.Version)
	}
	// Output:
	// opened
	// open already
	// a ann 10 2
}

var errEmpty = errors.New("there is not enough in the account")

// The function decides what is written. With an error of its own, nothing is.
func ExampleStore_Update() {
	ctx := context.Background()
	accounts := typed.Of(typed.New("registry").WithKey("purses/"), typed.JSON[Account]())
	if _, err := accounts.Put(ctx, "b", Account{Owner: "bob", Balance: 15}); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		entry, err := accounts.Update(ctx, "b", func(old Account, _ bool) (Account, error) {
			if old.Balance < 10 {
				return old, errEmpty
			}
			old.Balance -= 10
			return old, nil
		})
		switch {
		case err == nil:
			fmt.Println("paid,", entry.Value.Balance, "left")
		case errors.Is(err, errEmpty):
			fmt.Println(err)
		case etcderr.OutcomeOf(err) == etcderr.Unknown:
			fmt.Println("look at the account before paying again:", err)
		default:
			fmt.Println("nothing was written:", err)
		}
	}
	// Output:
	// paid, 5 left
	// there is not enough in the account
}

// words is a codec: any type with these two methods is one.
type words struct{}

func (words) Encode(list []string) ([]byte, error) { return []byte(strings.Join(list, " ")), nil }
func (words) Decode(data []byte) ([]string, error) { return strings.Fields(string(data)), nil }

// A codec of one's own reads what another program has written.
func ExampleCodec() {
	ctx := context.Background()
	roles := typed.Of(typed.New("registry").WithKey("roles/"), words{})
	entry, err := roles.Update(ctx, "ann", func(old []string, _ bool) ([]string, error) {
		return append(old, "reader", "writer"), nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(entry.Value), entry.Value)
	// Output: 2 [reader writer]
}
