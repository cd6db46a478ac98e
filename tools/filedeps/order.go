// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"slices"
)

// starts is the number of orders from which the search begins.
const starts = 200

// order returns an order of the files, from the lowest to the highest, in which few dependencies run back up. No fast
// algorithm finds the best one for certain. This one moves single files until no move helps, from many starts, which
// are the same in each run.
func (g *graph) order() []int {
	random := rand.New(rand.NewPCG(1, 2))
	var best []int
	fewest := -1
	for range starts {
		order := random.Perm(len(g.files))
		for g.improve(order) {
		}
		if n := len(g.back(order)); fewest < 0 || n < fewest {
			best, fewest = order, n
		}
	}
	return best
}

// improve moves each file to its best place among the others, and reports whether that helped.
func (g *graph) improve(order []int) (helped bool) {
	for file := range g.files {
		from := slices.Index(order, file)
		others := slices.Delete(slices.Clone(order), from, from+1)
		// cost is the number of additional dependencies that run back up if file comes after the first n of the others.
		cost, least, to, was := 0, 0, 0, 0
		for n := 0; ; n++ {
			if cost < least {
				least, to = cost, n
			}
			if n == from {
				was = cost
			}
			if n == len(others) {
				break
			}
			if _, ok := g.uses[dependency{file, others[n]}]; ok {
				cost--
			}
			if _, ok := g.uses[dependency{others[n], file}]; ok {
				cost++
			}
		}
		if least < was {
			copy(order, slices.Insert(others, to, file))
			helped = true
		}
	}
	return helped
}
