// SPDX-License-Identifier: Apache-2.0

// Package allocs bounds what a call allocates, and what a lost connection leaves behind. With the race detector sync.Pool
// drops values on purpose, so `go test -race` finds no test here.
package allocs
