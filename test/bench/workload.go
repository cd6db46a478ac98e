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

var (
	value     = strings.Repeat("v", 100)
	readKeys  = keys("bench/read/")
	writeKeys = keys("bench/write/")
)

func keys(prefix string) []string {
	all := make([]string, 1000)
	for i := range all {
		all[i] = fmt.Sprintf("%s%04d", prefix, i)
	}
	return all
}

func get(c clients.Client, n int) error {
	return c.Get(context.Background(), readKeys[n%len(readKeys)])
}

func getWithDeadline(c clients.Client, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return c.Get(ctx, readKeys[n%len(readKeys)])
}

func put(c clients.Client, n int) error {
	return c.Put(context.Background(), writeKeys[n%len(writeKeys)], value)
}
