// SPDX-License-Identifier: Apache-2.0

// Package onereader makes sequences that have one reader at a time.
package onereader

import (
	"iter"
	"sync/atomic"
)

// Gate admits one reader at a time. The zero value admits one. Its methods are safe for concurrent use.
type Gate struct{ taken atomic.Bool }

// Enter reports whether the caller may read. If so, it may until it calls Leave.
func (g *Gate) Enter() bool { return g.taken.CompareAndSwap(false, true) }

// Leave admits the next reader.
func (g *Gate) Leave() { g.taken.Store(false) }

// Seq returns a sequence of what read yields. A loop that begins while g has another reader gets inUse and ends.
func Seq[T any](g *Gate, inUse error, read func(yield func(T, error) bool)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if !g.Enter() {
			var none T
			yield(none, inUse)
			return
		}
		defer g.Leave()
		read(yield)
	}
}
