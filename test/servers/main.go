// SPDX-License-Identifier: Apache-2.0

// Servers builds the servers that tests run, where they are missing, so that a first run is not silent for minutes: what
// tests say is not shown before they end.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/eetcd-go/eetcd/etcdtest"
)

func main() {
	parent, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	_, etcd := etcdtest.Binary(parent, "")
	_, kine := etcdtest.KineBinary(parent)
	if err := errors.Join(etcd, kine); err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}
