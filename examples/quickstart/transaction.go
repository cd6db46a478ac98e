// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/compare"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/op"
)

// compareAndSwap changes a key only if it is unchanged since it was read: once with success, and once too late.
func (w *walk) compareAndSwap(ctx context.Context) error {
	w.step("Compare and swap")
	name := w.prefix + "config"
	config := w.base.WithKey(name)
	w.call(fmt.Sprintf(`config := base.WithKey("%s")`, name))
	w.call(`kv.Put(ctx, config.WithValue("v1"))`)
	written, err := kv.Put(ctx, config.WithValue("v1"))
	if err != nil {
		return err
	}
	seen := written.GetHeader().GetRevision()
	w.result("revision %d", seen)
	w.call(fmt.Sprintf(`swap := op.If(compare.New("%s").ModRevision(compare.Equal, %d)).`, name, seen))
	w.call(`	Then(op.Put(config.WithValue("v2"))).`)
	w.call(`	Else(op.Get(config))`)
	swap := op.If(compare.New(name).ModRevision(compare.Equal, seen)).
		Then(op.Put(config.WithValue("v2"))).
		Else(op.Get(config))

	w.call(`kv.Txn(ctx, kv.New("registry"), swap)`)
	won, err := kv.Txn(ctx, kv.New(connection), swap)
	if err != nil {
		return err
	}
	if !won.GetSucceeded() {
		return errors.New("the swap failed, although nobody else writes the key")
	}
	w.result("swapped at revision %d", won.GetHeader().GetRevision())

	w.call(`kv.Txn(ctx, kv.New("registry"), swap) // again: the key has changed`)
	lost, err := kv.Txn(ctx, kv.New(connection), swap)
	if err != nil {
		return err
	}
	if lost.GetSucceeded() {
		return errors.New("the swap succeeded a second time")
	}
	w.result("not swapped; Else has read:")
	w.pairs(lost.GetResponses()[0].GetResponseRange().GetKvs())
	return nil
}
