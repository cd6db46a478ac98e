// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// dependency says that file from names something that file to declares.
type dependency struct{ from, to int }

// graph has the files of a package and their dependencies.
type graph struct {
	files  []string // sorted
	uses   map[dependency]map[string]bool
	strays []string // methods that are declared in another file than their type
}

// read reads the graph of a package's files.
func read(fset *token.FileSet, syntax []*ast.File, info *types.Info) *graph {
	g := &graph{uses: map[dependency]map[string]bool{}}
	for _, f := range syntax {
		if !ast.IsGenerated(f) {
			g.files = append(g.files, filepath.Base(fset.File(f.Pos()).Name()))
		}
	}
	slices.Sort(g.files)
	at := func(pos token.Pos) int {
		if f := fset.File(pos); f != nil {
			return slices.Index(g.files, filepath.Base(f.Name()))
		}
		return -1
	}
	local := map[types.Object]bool{} // declared by this package
	for _, o := range info.Defs {
		local[o] = true
	}
	for id, o := range info.Uses {
		switch declared := o.(type) { // of a generic type or function, what was written
		case *types.Func:
			o = declared.Origin()
		case *types.Var:
			o = declared.Origin()
		}
		from, to := at(id.Pos()), at(o.Pos())
		if !local[o] || from < 0 || to < 0 || from == to {
			continue
		}
		d := dependency{from, to}
		if g.uses[d] == nil {
			g.uses[d] = map[string]bool{}
		}
		g.uses[d][o.Name()] = true
	}
	for _, o := range info.Defs {
		f, ok := o.(*types.Func)
		if !ok || f.Signature().Recv() == nil {
			continue
		}
		t := f.Signature().Recv().Type()
		if p, ok := t.(*types.Pointer); ok {
			t = p.Elem()
		}
		named, ok := t.(*types.Named)
		if !ok || at(f.Pos()) < 0 || at(f.Pos()) == at(named.Obj().Pos()) {
			continue
		}
		g.strays = append(g.strays, fmt.Sprintf("%s: %s.%s", g.files[at(f.Pos())], named.Obj().Name(), f.Name()))
	}
	slices.Sort(g.strays)
	return g
}

// edges is the number of dependencies.
func (g *graph) edges() int { return len(g.uses) }

// names returns the names by which a file depends on another one.
func (g *graph) names(d dependency) string {
	return strings.Join(slices.Sorted(maps.Keys(g.uses[d])), ", ")
}

// back returns the dependencies that run back up in an order of the files, from the lowest to the highest.
func (g *graph) back(order []int) []dependency {
	place := make([]int, len(order))
	for i, file := range order {
		place[file] = i
	}
	var back []dependency
	for d := range g.uses {
		if place[d.from] < place[d.to] {
			back = append(back, d)
		}
	}
	slices.SortFunc(back, func(a, b dependency) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.to - b.to
	})
	return back
}
