// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/eetcd-go/eetcd/conn"
	"github.com/eetcd-go/eetcd/etcderr"
	"github.com/eetcd-go/eetcd/kv"
	"github.com/eetcd-go/eetcd/lease"
)

// ttl is how long a killed service stays on the list.
const ttl = 3 * time.Second

// serve registers a service for as long as its process and its parent live. The parent's end of the standard input
// closes with it.
func serve(ctx context.Context, name string, endpoints []string) (err error) {
	life, end := context.WithCancel(ctx)
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	c, err := conn.Open(life, connection, endpoints)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for life.Err() == nil {
		if err := register(life, name); err != nil && life.Err() == nil {
			fmt.Fprintf(os.Stderr, "%s: %v; registering again\n", name, err)
		}
	}
	return nil
}

// register lists the service under a lease, and keeps that alive until life ends or the lease is lost. At the end it
// takes the service off the list.
func register(life context.Context, name string) error {
	base := lease.New(connection)
	granted, err := lease.Grant(life, base, ttl)
	if err != nil {
		return err
	}
	keeper, err := lease.KeepAlive(life, base, granted.GetID())
	if err != nil {
		return err
	}
	defer keeper.Close()
	_, err = kv.Put(life, base.WithKey(prefix+name).WithValue(fmt.Sprint(os.Getpid())).WithLease(granted.GetID()))
	if err != nil && etcderr.OutcomeOf(err) != etcderr.Unknown {
		return err
	}
	<-keeper.Done()
	if life.Err() == nil {
		return keeper.Err()
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(life), time.Second)
	defer cancel()
	_, err = lease.Revoke(leaving, base, granted.GetID())
	return err
}
