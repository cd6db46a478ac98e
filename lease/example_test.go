// SPDX-License-Identifier: Apache-2.0

package lease_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

// A service registers under a lease that is kept alive. Here an operator revokes the lease.
func Example() {
	ctx := context.Background()
	registry := lease.New("registry") // conn.Open has opened "registry"
	granted, err := lease.Grant(ctx, registry, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	keeper, err := lease.KeepAlive(ctx, registry, granted.GetID())
	if err != nil {
		log.Fatal(err)
	}
	defer keeper.Close()
	service := kv.New("registry").WithKey("services/billing").WithValue("10.0.0.1:80")
	if _, err := kv.Put(ctx, service.WithLease(granted.GetID())); err != nil {
		log.Fatal(err)
	}

	if _, err := lease.Revoke(ctx, registry, granted.GetID()); err != nil {
		log.Fatal(err)
	}
	<-keeper.Done()
	switch err := keeper.Err(); {
	case errors.Is(err, etcderr.ErrLeaseNotFound):
		fmt.Println("the lease was revoked, and its keys are gone")
	case errors.Is(err, lease.ErrExpired):
		fmt.Println("no server has renewed the lease for 10 s: its keys may be gone")
	default:
		fmt.Println(err)
	}
	// Output: the lease was revoked, and its keys are gone
}

// A program that may have been stopped for a while asks for the time left right before each step.
func ExampleKeeper_ValidUntil() {
	ctx := context.Background()
	granted, err := lease.Grant(ctx, lease.New("registry"), time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	keeper, err := lease.KeepAlive(ctx, lease.New("registry"), granted.GetID())
	if err != nil {
		log.Fatal(err)
	}
	defer keeper.Close()
	const step = 500 * time.Millisecond
	fmt.Println("there is time for a step:", time.Until(keeper.ValidUntil()) > step)
	// Output: there is time for a step: true
}

// TimeToLive names the keys that are attached to a lease.
func ExampleTimeToLive() {
	ctx := context.Background()
	granted, err := lease.Grant(ctx, lease.New("registry"), time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := kv.Put(ctx, kv.New("registry").WithKey("services/search").WithLease(granted.GetID())); err != nil {
		log.Fatal(err)
	}
	left, err := lease.TimeToLive(ctx, lease.New("registry"), granted.GetID(), true)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d s were granted for %s\n", left.GetGrantedTTL(), left.GetKeys())
	// Output: 60 s were granted for [services/search]
}
