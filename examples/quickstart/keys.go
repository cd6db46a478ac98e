// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
)

func (w *walk) putAndGet(ctx context.Context) error {
	key := w.base.WithKey(w.prefix + "10.0.0.1")

	w.step("Write a key, twice")
	w.call(`base := kv.New("registry").WithKey("` + w.prefix + `")`)
	w.call(`key  := base.WithKey("` + w.prefix + `10.0.0.1")`)
	w.call(`kv.Put(ctx, key.WithValue("starting"))`)
	first, err := kv.Put(ctx, key.WithValue("starting"))
	if err != nil {
		return err
	}
	w.result("revision %d", first.GetHeader().GetRevision())
	w.call(`kv.Put(ctx, key.WithValue("up").WithPrevKV())`)
	second, err := kv.Put(ctx, key.WithValue("up").WithPrevKV())
	if err != nil {
		return err
	}
	w.result("revision %d; the value before was %q", second.GetHeader().GetRevision(), second.GetPrevKv().GetValue())

	w.step("Read it, now and as it was")
	w.call(`kv.Get(ctx, key)`)
	now, err := kv.Get(ctx, key)
	if err != nil {
		return err
	}
	w.pairs(now.GetKvs())
	w.call(fmt.Sprintf(`kv.Get(ctx, key.WithRev(%d))`, first.GetHeader().GetRevision()))
	then, err := kv.Get(ctx, key.WithRev(first.GetHeader().GetRevision()))
	if err != nil {
		return err
	}
	w.pairs(then.GetKvs())
	return nil
}

// branch shows that a base can be used again: requests are values, and each With method returns another one.
func (w *walk) branch(ctx context.Context) error {
	w.step("Branch several requests from one base")
	for _, host := range []string{"10.0.0.2", "10.0.0.3"} {
		w.call(fmt.Sprintf(`kv.Put(ctx, base.WithKey("%s%s").WithValue("up"))`, w.prefix, host))
		resp, err := kv.Put(ctx, w.base.WithKey(w.prefix+host).WithValue("up"))
		if err != nil {
			return err
		}
		w.result("revision %d", resp.GetHeader().GetRevision())
	}
	all := w.base.WithPrefix()
	w.call(`all := base.WithPrefix()`)

	w.call(`kv.Get(ctx, all.WithSort(kv.ByMod, kv.Descend).WithLimit(2))`)
	newest, err := kv.Get(ctx, all.WithSort(kv.ByMod, kv.Descend).WithLimit(2))
	if err != nil {
		return err
	}
	w.pairs(newest.GetKvs())
	w.result("more: %v", newest.GetMore())

	w.call(`kv.Get(ctx, all.WithCountOnly())`)
	count, err := kv.Get(ctx, all.WithCountOnly())
	if err != nil {
		return err
	}
	w.result("%d keys", count.GetCount())
	return nil
}

func (w *walk) refuse(ctx context.Context) error {
	w.step("Make mistakes: they are all reported at once, and nothing is sent")
	w.call(`kv.Put(ctx, base.WithValue("up").WithLimit(10).WithTimeout(5))`)
	_, err := kv.Put(ctx, w.base.WithValue("up").WithLimit(10).WithTimeout(5))
	var invalid *kv.InvalidError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("an invalid request returned: %w", err)
	}
	for _, conflict := range invalid.Conflicts {
		w.result("%s", conflict)
	}
	w.call(`etcderr.OutcomeOf(err)`)
	w.result("%v", etcderr.OutcomeOf(err))
	return nil
}

func (w *walk) delete(ctx context.Context) error {
	w.step("Delete what is there")
	w.call(`kv.Delete(ctx, all.WithPrevKV())`)
	resp, err := kv.Delete(ctx, w.base.WithPrefix().WithPrevKV())
	if err != nil {
		return err
	}
	w.result("%d keys deleted:", resp.GetDeleted())
	w.pairs(resp.GetPrevKvs())
	return nil
}
