// SPDX-License-Identifier: Apache-2.0

// Servers builds the servers that tests run, if they are missing. Without it a first test run would be silent for
// minutes, because the output of a test appears at its end.
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
