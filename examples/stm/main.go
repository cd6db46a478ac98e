// SPDX-License-Identifier: Apache-2.0

// Stm lets clerks of a bank move money between accounts at the same time, without locks. Each transfer runs as if it
// were alone, and runs again if another one interfered. The sum of money stays the same.
//
// It starts a cluster of three members, and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcdtest"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/stm"
)

const (
	connection = "bank"
	prefix     = "account/"
	clerks     = 4
	transfers  = 25 // of each clerk
	deposit    = 100
)

// names are those of the accounts.
var names = []string{"anna", "ben", "cleo"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program without the clean-up
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "stm:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	fmt.Fprintf(out, "Starting an etcd cluster of three members. If there is no etcd yet, %s is built once, "+
		"which takes about a minute.\n", etcdtest.DefaultVersion)
	cluster, err := etcdtest.Run(ctx, etcdtest.WithSize(3))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	c, err := conn.Open(ctx, connection, cluster.Endpoints())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()

	for _, name := range names {
		if _, err := kv.Put(ctx, kv.New(connection).WithKey(prefix+name).WithValue(strconv.Itoa(deposit))); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\n%d clerks make %d transfers each, all at once:\n", clerks, transfers)
	var all sync.WaitGroup
	var refused, again atomic.Int64
	errs := make([]error, clerks)
	for i := range clerks {
		all.Go(func() {
			for n := range transfers {
				from, to := names[(i+n)%len(names)], names[(i+n+1+n%2)%len(names)]
				conflicts, err := transfer(ctx, from, to, 1+7*n%60)
				again.Add(int64(conflicts))
				switch {
				case errors.Is(err, errTooLittle):
					refused.Add(1)
				case err != nil:
					errs[i] = err
					return
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fmt.Fprintf(out, "   %d were refused because the account had too little, and %d attempts conflicted with another clerk's.\n\n",
		refused.Load(), again.Load())

	// A transaction that only reads sees all accounts at one revision.
	sum := 0
	_, err = stm.Run(ctx, stm.New(connection), func(tx *stm.Tx) error {
		sum = 0
		pairs, err := tx.Range(kv.Key(prefix).WithPrefix())
		if err != nil {
			return err
		}
		for _, pair := range pairs {
			balance, err := strconv.Atoi(string(pair.GetValue()))
			if err != nil {
				return err
			}
			sum += balance
		}
		return nil
	})
	if err != nil {
		return err
	}
	if sum != deposit*len(names) {
		return fmt.Errorf("there were %d, and now there are %d", deposit*len(names), sum)
	}
	fmt.Fprintf(out, "There were %d in all, and now there are %d.\n\nDone.\n", deposit*len(names), sum)
	return nil
}

var errTooLittle = errors.New("there is not enough in the account")

// transfer moves money, and returns how many attempts conflicted with other transfers.
func transfer(ctx context.Context, from, to string, amount int) (conflicts int, err error) {
	_, err = stm.Run(ctx, stm.New(connection), func(tx *stm.Tx) error {
		conflicts = tx.Conflicts()
		payer, err := balance(tx, from)
		if err != nil {
			return err
		}
		payee, err := balance(tx, to)
		if err != nil {
			return err
		}
		if payer < amount {
			return errTooLittle // nothing is written
		}
		tx.Put(prefix+from, strconv.Itoa(payer-amount))
		tx.Put(prefix+to, strconv.Itoa(payee+amount))
		return nil
	})
	return conflicts, err
}

func balance(tx *stm.Tx, name string) (int, error) {
	value, err := tx.Get(prefix + name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(value)
}
