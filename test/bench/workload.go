// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/eetcd-go/eetcd/test/internal/clients"
)

// workload is a number of callers that make one call after another.
type workload struct {
	name    string
	callers int
	call    func(c clients.Client, n int) error // n tells the calls of a caller apart
}

var workloads = []workload{
	{"Get, 1 caller", 1, get},
	{"Get, 8 callers", 8, get},
	{"Get, 64 callers", 64, get},
	{"Get, 256 callers", 256, get},
	{"Get, 1 caller, each call with its own deadline", 1, getWithDeadline},
	{"Put, 1 caller", 1, put},
	{"Put, 64 callers", 64, put},
}

const readKey = "bench/read"

var (
	value     = strings.Repeat("v", 100)
	writeKeys = keys(1000)
)

func keys(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("bench/write/%04d", i)
	}
	return all
}

func get(c clients.Client, _ int) error {
	return c.Get(context.Background(), readKey)
}

func getWithDeadline(c clients.Client, _ int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return c.Get(ctx, readKey)
}

func put(c clients.Client, n int) error {
	return c.Put(context.Background(), writeKeys[n%len(writeKeys)], value)
}
