// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/packages"
)

// sources keeps the files that were read, since most of them belong to all platforms.
type sources struct {
	set *token.FileSet

	mu     sync.Mutex
	parsed map[string]*ast.File
}

func newSources() *sources {
	return &sources{set: token.NewFileSet(), parsed: map[string]*ast.File{}}
}

func (s *sources) parse(set *token.FileSet, name string, text []byte) (*ast.File, error) {
	s.mu.Lock()
	file := s.parsed[name]
	s.mu.Unlock()
	if file != nil {
		return file, nil
	}
	file, err := parser.ParseFile(set, name, text, parser.AllErrors|parser.SkipObjectResolution)
	if err != nil {
		return file, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parsed[name] = file
	return file, nil
}

// check returns what is wrong with the module in dir on one platform.
func (s *sources) check(dir, goos, goarch string) []string {
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedTypesInfo | packages.NeedTypesSizes | packages.NeedSyntax,
		Dir:       dir,
		Tests:     true,
		Fset:      s.set,
		ParseFile: s.parse,
		Env:       append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
	}, "./...")
	if err != nil {
		return []string{err.Error()}
	}
	if len(loaded) == 0 {
		return []string{"there are no packages in " + dir}
	}
	var mistakes []string
	packages.Visit(loaded, nil, func(p *packages.Package) {
		for _, mistake := range p.Errors {
			mistakes = append(mistakes, mistake.Error())
		}
	})
	for _, p := range loaded {
		mistakes = append(mistakes, s.unaligned(p)...)
	}
	slices.Sort(mistakes) // a package comes twice, with its tests and without
	return slices.Compact(mistakes)
}

// unaligned finds calls of functions of sync/atomic that panic on 32-bit platforms if their operand is not aligned to 8
// bytes. The types of sync/atomic are always aligned.
func (s *sources) unaligned(p *packages.Package) []string {
	if p.TypesInfo == nil {
		return nil
	}
	var found []string
	for at, object := range p.TypesInfo.Uses {
		f, ok := object.(*types.Func)
		if !ok || f.Pkg() == nil || f.Pkg().Path() != "sync/atomic" || f.Signature().Recv() != nil ||
			!strings.HasSuffix(f.Name(), "64") {
			continue
		}
		found = append(found, fmt.Sprintf("%v: atomic.%s may panic on 32-bit platforms: use the type of package atomic",
			s.set.Position(at.Pos()), f.Name()))
	}
	return found
}
