// SPDX-License-Identifier: Apache-2.0

// Package guides compares docs/clientv3.md with etcd's own client: it has each exported name and no other, and the code
// of clientv3's side compiles and runs.
package guides

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	guidePath  = "../../docs/clientv3.md"
	clientPath = "go.etcd.io/etcd/client/v3"
)

func guide(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(guidePath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestGuideHasEachNameOfClientv3(t *testing.T) {
	text := guide(t)
	for name, path := range map[string]string{"clientv3": clientPath, "concurrency": clientPath + "/concurrency"} {
		exported, members := exports(t, path)
		if len(exported) < 50 {
			t.Fatalf("%s exports %d names: are they looked for in the right way?", path, len(exported))
		}
		named := map[string]bool{}
		for _, m := range regexp.MustCompile(name+`\.([A-Z]\w*(?:\.[A-Z]\w*)?)`).FindAllStringSubmatch(text, -1) {
			named[m[1]] = true
		}
		for _, e := range exported {
			if !named[e] {
				t.Errorf("the guide does not say what becomes of %s.%s", name, e)
			}
		}
		for n := range named {
			if !slices.Contains(exported, n) && !slices.Contains(members, n) {
				t.Errorf("the guide names %s.%s, which is not there", name, n)
			}
		}
	}
}

// exports returns the names that a package exports, with methods and the fields of Config as Type.Name, and separately
// the fields of its other types.
func exports(t *testing.T, path string) (names, fields []string) {
	t.Helper()
	pkg, err := build.Import(path, ".", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pkg.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(pkg.Dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(file)
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if of := receiver(d); of == "" || ast.IsExported(of) {
					names = append(names, of+d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						for _, n := range s.Names {
							if n.IsExported() {
								names = append(names, n.Name)
							}
						}
					case *ast.TypeSpec:
						names = append(names, s.Name.Name)
						switch of := s.Type.(type) {
						case *ast.InterfaceType:
							names = append(names, membersOf(s, of.Methods)...)
						case *ast.StructType:
							if s.Name.Name == "Config" {
								names = append(names, membersOf(s, of.Fields)...)
							} else {
								fields = append(fields, membersOf(s, of.Fields)...)
							}
						}
					}
				}
			}
		}
	}
	return names, fields
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	return of.(*ast.Ident).Name + "."
}

func membersOf(s *ast.TypeSpec, list *ast.FieldList) []string {
	var names []string
	for _, field := range list.List {
		for _, n := range field.Names {
			names = append(names, s.Name.Name+"."+n.Name)
		}
	}
	return names
}

func TestGuideHasEachPackageOfClientv3(t *testing.T) {
	text := guide(t)
	pkg, err := build.Import(clientPath, ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = fs.WalkDir(os.DirFS(pkg.Dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if folder := filepath.Dir(path); folder != "." && !strings.Contains(folder, "internal") {
			n++
			if !strings.Contains(text, "`"+folder+"`") && !strings.Contains(text, "# Package "+folder+"\n") {
				t.Errorf("the guide does not say what becomes of the package %s", folder)
			}
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files, %v", n, err)
	}
}

func TestClientv3CodeInTheGuideIsCopiedFromHere(t *testing.T) {
	source, err := os.ReadFile("snippets_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```go clientv3\n(.*?)^```$").FindAllStringSubmatch(guide(t), -1)
	if len(blocks) < 5 {
		t.Fatalf("found %d blocks", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains("\n"+string(source), "\n"+block[1]) {
			t.Errorf("snippets_test.go does not have this code of the guide:\n%s", block[1])
		}
	}
}
