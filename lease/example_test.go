// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"log"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

func Example() {
	ctx := context.Background()
	base := lease.New("registry") // opened before with conn.Open
	granted, err := lease.Grant(ctx, base, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	keeper, err := lease.KeepAlive(ctx, base, granted.ID)
	if err != nil {
		log.Fatal(err)
	}
	defer keeper.Close()
	_, err = kv.Put(ctx, base.WithKey("heartbeat:a").WithValue("10.0.0.1").WithLease(granted.ID))
	if err != nil {
		log.Print(err)
		return
	}
	<-keeper.Done()
	switch err := keeper.Err(); {
	case errors.Is(err, lease.ErrExpired):
		log.Print("no member has answered for 10 s: others may see the key go any moment")
	case errors.Is(err, etcderr.ErrLeaseNotFound):
		log.Print("the lease was revoked")
	default:
		log.Print(err)
	}
}

// What must only be done while the lease is valid asks right before, for the process may have been stopped since.
func ExampleKeeper_Err() {
	work := func(ctx context.Context, keeper *lease.Keeper) error {
		for ctx.Err() == nil {
			if err := keeper.Err(); err != nil {
				return err
			}
			if time.Until(keeper.ValidUntil()) < 500*time.Millisecond {
				continue // too little for another step
			}
			// a step that takes less than that
		}
		return nil
	}
	_ = work
}
