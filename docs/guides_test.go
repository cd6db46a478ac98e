// SPDX-License-Identifier: Apache-2.0

// Package docs_test compares the documents with the code: all that they name exists, all that they must name is there,
// and their Go code compiles and runs.
package docs_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = ".."

// packages lists the packages of the SDK, each in the folder of its name.
var packages = []string{
	"auth", "cluster", "compare", "config", "conn", "conn/debug", "ctx", "election", "etcderr", "etcdtest", "kv", "lease", "lock", "maintenance",
	"op", "presence", "resolver", "stm", "table", "typed", "watch",
}

// generated has the packages in gen/, by the names that the guides use.
var generated = map[string]string{
	"pb": "etcdserverpb", "mvccpb": "mvccpb", "authpb": "authpb", "v3lockpb": "v3lockpb", "v3electionpb": "v3electionpb",
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func guides(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("*.md")
	if err != nil || len(found) == 0 {
		t.Fatalf("there are no guides: %v", err)
	}
	return found
}

// code is the text between backticks, or a block of Go, with its line number.
type code struct {
	line int
	text string
}

var span = regexp.MustCompile("`[^`]+`")

// codeOf returns the code in a guide. Blocks that are marked with more than "go" are in another client's words.
func codeOf(text string) []code {
	var found []code
	block := ""
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "```") && block == "":
			block = line
		case strings.HasPrefix(line, "```"):
			block = ""
		case block == "```go":
			found = append(found, code{i + 1, line})
		case block == "":
			for _, s := range span.FindAllString(line, -1) {
				found = append(found, code{i + 1, s})
			}
		}
	}
	return found
}

// ofContext has methods of a context, which programs call ctx.
var ofContext = map[string]bool{"ctx.Done": true, "ctx.Err": true}

func TestSymbolsInGuidesExist(t *testing.T) {
	there := symbols(t)
	names := slices.Collect(maps.Keys(generated))
	for _, pkg := range packages {
		names = append(names, path.Base(pkg))
	}
	named := regexp.MustCompile(`(?:^|[^\w./])((?:` + strings.Join(names, "|") + `)\.[A-Z]\w*(?:\.[A-Z]\w*)?)`)
	chained := regexp.MustCompile(`(?:^|[^\w.]|\))\.?(With[A-Z]\w*)`)
	for _, guide := range guides(t) {
		n := 0
		for _, c := range codeOf(read(t, guide)) {
			for _, m := range named.FindAllStringSubmatch(c.text, -1) {
				n++
				if !there[m[1]] && !ofContext[m[1]] {
					t.Errorf("%s:%d names %s, which is not there", guide, c.line, m[1])
				}
			}
			for _, m := range chained.FindAllStringSubmatch(c.text, -1) {
				n++
				if !there["ctx.Ctx."+m[1]] && !there["compare.Target."+m[1]] && !there["conn."+m[1]] {
					t.Errorf("%s:%d names %s, which no builder has", guide, c.line, m[1])
				}
			}
		}
		if least := map[string]int{"performance.md": 5}[guide]; n < cmp.Or(least, 100) {
			t.Errorf("%s names %d symbols: are they looked for in the right way?", guide, n)
		}
	}
}

// symbols returns the exported symbols of the SDK: pkg.Name, and pkg.Type.Name for methods and fields.
func symbols(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	add := func(pkg, folder string) {
		for _, file := range sources(t, folder) {
			for _, decl := range file.Decls {
				for _, name := range declared(decl) {
					there[pkg+"."+name] = true
				}
			}
		}
	}
	for _, pkg := range packages {
		add(path.Base(pkg), pkg)
	}
	for pkg, folder := range generated {
		add(pkg, filepath.Join("gen", folder))
	}
	return there
}

func sources(t *testing.T, pkg string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		t.Fatalf("package %s has no files", pkg)
	}
	return files
}

// declared returns the names that a declaration makes, with their type if they belong to one.
func declared(decl ast.Decl) []string {
	var names []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
		of := d.Recv.List[0].Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		if generic, ok := of.(*ast.IndexExpr); ok {
			of = generic.X
		}
		if name, ok := of.(*ast.Ident); ok {
			return []string{name.Name + "." + d.Name.Name}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names = append(names, name.Name)
				}
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
				var members *ast.FieldList
				switch of := s.Type.(type) {
				case *ast.StructType:
					members = of.Fields
				case *ast.InterfaceType:
					members = of.Methods
				default:
					continue
				}
				for _, field := range members.List {
					for _, name := range field.Names {
						names = append(names, s.Name.Name+"."+name.Name)
					}
				}
			}
		}
	}
	return names
}

// exports returns the functions of eetcd, as module:function/arity.
func exports(t *testing.T) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(read(t, filepath.Join("testdata", "eetcd-exports.txt"))) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	if len(all) < 200 {
		t.Fatalf("the list has %d functions", len(all))
	}
	return all
}

var function = regexp.MustCompile(`eetcd[a-z_]*:[a-z_]+/\d+`)

func TestGuideForEetcdHasEachOfItsFunctions(t *testing.T) {
	all := exports(t)
	inGuide := function.FindAllString(read(t, "eetcd.md"), -1)
	for _, f := range all {
		if !slices.Contains(inGuide, f) {
			t.Errorf("eetcd.md does not say what becomes of %s", f)
		}
	}
	for _, f := range inGuide {
		if !slices.Contains(all, f) {
			t.Errorf("eetcd.md names %s, which eetcd does not export", f)
		}
	}
}

// modules maps eetcd's modules to the packages that are their counterparts. Modules that are not for users have none.
var modules = map[string]string{
	"eetcd": "conn", "eetcd_auth": "auth", "eetcd_cluster": "cluster", "eetcd_compare": "compare", "eetcd_election": "election",
	"eetcd_kv": "kv", "eetcd_lease": "lease", "eetcd_lock": "lock", "eetcd_maintenance": "maintenance", "eetcd_op": "op",
	"eetcd_watch": "watch",
}

// Package comments name the module of eetcd once, and eetcd.md names each function. Comments of functions would repeat
// it.
func TestOnlyPackageCommentsNameTheModuleOfEetcd(t *testing.T) {
	comments := map[string]string{}
	for _, pkg := range packages {
		for _, file := range sources(t, pkg) {
			comments[pkg] += strings.Join(strings.Fields(file.Doc.Text()), " ")
			for _, group := range file.Comments {
				if f := function.FindString(group.Text()); f != "" {
					t.Errorf("a comment in package %s names %s, which is for docs/eetcd.md to name", pkg, f)
				}
			}
		}
	}
	for module, pkg := range modules {
		if !regexp.MustCompile(`\b` + module + `: see docs/eetcd\.md`).MatchString(comments[pkg]) {
			t.Errorf("the comment of package %s does not name its counterpart, module %s", pkg, module)
		}
		if !strings.Contains(read(t, "eetcd.md"), "`"+module+":") {
			t.Errorf("eetcd.md does not have module %s", module)
		}
	}
}

// A program calls its context ctx, and the package of that name would be in its way.
func TestUserFacingCodeDoesNotImportCtx(t *testing.T) {
	var files []string
	for pattern, least := range map[string]int{
		"*.md": 3, "docs/*.md": 3, "docs/*_snippets_test.go": 2, "examples/*/*.go": 20, "example*_test.go": 1, "*/example*_test.go": 12,
	} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) < least {
			t.Fatalf("%s matches %d files, want %d or more; %v", pattern, len(found), least, err)
		}
		files = append(files, found...)
	}
	for _, path := range files {
		if filepath.Base(filepath.Dir(path)) == "ctx" {
			continue
		}
		if strings.Contains(read(t, path), `"github.com/eetcd-go/eetcd/ctx"`) {
			t.Errorf("%s imports package ctx", path)
		}
	}
}

// TestListOfPackagesIsComplete: a new package of the SDK has to be in the list.
func TestListOfPackagesIsComplete(t *testing.T) {
	elsewhere := []string{"adapters", "bin", "docs", "examples", "gen", "internal", "otel", "proto", "test", "tools"}
	entries, err := fs.ReadDir(os.DirFS(root), ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() && !strings.HasPrefix(name, ".") && !slices.Contains(elsewhere, name) && !slices.Contains(packages, name) {
			t.Errorf("the guides' symbols are not looked for in %s", name)
		}
	}
}
