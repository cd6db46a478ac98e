// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each section "The way of …" of ARCHITECTURE.md lists steps, which name functions as `Type.Method` (`path/file.go`).
func TestWaysInTheArchitectureNameFunctionsThatExist(t *testing.T) {
	text := read(t, filepath.Join(root, "ARCHITECTURE.md"))
	step := regexp.MustCompile(`(?m)^(\d+)\. `)
	named := regexp.MustCompile("`([A-Za-z.]+)`,? \\(?`([a-z0-9_/]+\\.go)`\\)")
	count := 0
	for _, section := range strings.Split(text, "\n## ") {
		title, steps, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(title, "The way of ") {
			continue
		}
		count++
		at := step.FindAllStringSubmatchIndex(steps, -1)
		if len(at) == 0 || len(at) > 10 {
			t.Errorf("%s has %d steps, want 1 to 10", title, len(at))
		}
		for i, bounds := range at {
			end := len(steps)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			body := strings.Join(strings.Fields(steps[bounds[0]:end]), " ")
			if got := steps[bounds[2]:bounds[3]]; got != strconv.Itoa(i+1) {
				t.Errorf("%s: step %d has the number %s", title, i+1, got)
			}
			functions := named.FindAllStringSubmatch(body, -1)
			if len(functions) == 0 {
				t.Errorf("%s: step %d names no function with its file", title, i+1)
			}
			for _, f := range functions {
				if err := declares(f[2], f[1]); err != nil {
					t.Errorf("%s: step %d: %v", title, i+1, err)
				}
			}
		}
	}
	if count < 4 {
		t.Errorf("%d ways, want at least those of a Get, of a Put that fails, of a watch event and of a renewal", count)
	}
}

// declares returns an error unless a file declares a function, which is named alone, after its package or after its type.
func declares(path, name string) error {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		is := f.Name.Name
		if f.Recv == nil {
			if name == is || name == file.Name.Name+"."+is {
				return nil
			}
			continue
		}
		of := f.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		switch generic := of.(type) {
		case *ast.IndexExpr:
			of = generic.X
		case *ast.IndexListExpr:
			of = generic.X
		}
		if typed, ok := of.(*ast.Ident); ok && name == typed.Name+"."+is {
			return nil
		}
	}
	return fmt.Errorf("%s declares no function %s", path, name)
}
