// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
)

// allowed has the dependencies that may be part of a circle, by the package's path, as "from.go -> to.go".
type allowed map[string][]string

// parseAllowed reads lines of the form "package: from.go -> to.go". What follows a # is a comment.
func parseAllowed(text string) (allowed, error) {
	all := allowed{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		pkg, edge, ok := strings.Cut(line, ": ")
		if !ok || !strings.Contains(edge, " -> ") {
			return nil, fmt.Errorf("%q is not of the form PACKAGE: FROM.go -> TO.go", line)
		}
		all[pkg] = append(all[pkg], edge)
	}
	return all, nil
}

// complaints returns what is wrong with a package: a circle that is left without the allowed dependencies, or one of these that no
// circle needs any more.
func (g *graph) complaints(allowed []string) (wrong []string) {
	next := make([][]int, len(g.files))
	for d := range g.uses {
		if !slices.Contains(allowed, g.name(d)) {
			next[d.from] = append(next[d.from], d.to)
		}
	}
	if circle := circle(next); circle != nil {
		var names []string
		for _, file := range circle {
			names = append(names, g.files[file])
		}
		return []string{"a circle: " + strings.Join(names, " -> ")}
	}
	for _, name := range allowed { // each one must close a circle alone
		from, to, _ := strings.Cut(name, " -> ")
		d := dependency{slices.Index(g.files, from), slices.Index(g.files, to)}
		if _, ok := g.uses[d]; !ok || !reaches(next, d.to, d.from) {
			wrong = append(wrong, name+" is in no circle: take it off the list")
		}
	}
	return wrong
}

func (g *graph) name(d dependency) string { return g.files[d.from] + " -> " + g.files[d.to] }

// circle returns the files of a circle, the first one twice, or nil. Next has what each file depends on.
func circle(next [][]int) []int {
	done := make([]bool, len(next))
	var path, found []int
	var visit func(file int) bool
	visit = func(file int) bool {
		if i := slices.Index(path, file); i >= 0 {
			found = append(slices.Clone(path[i:]), file)
			return true
		}
		if done[file] {
			return false
		}
		done[file] = true
		path = append(path, file)
		slices.Sort(next[file]) // the same circle in each run
		if slices.ContainsFunc(next[file], visit) {
			return true
		}
		path = path[:len(path)-1]
		return false
	}
	for file := range next {
		if visit(file) {
			return found
		}
	}
	return nil
}

// reaches reports whether one file depends on another one, also through others.
func reaches(next [][]int, from, to int) bool {
	seen := make([]bool, len(next))
	var visit func(file int) bool
	visit = func(file int) bool {
		if file == to {
			return true
		}
		if seen[file] {
			return false
		}
		seen[file] = true
		return slices.ContainsFunc(next[file], visit)
	}
	return visit(from)
}
