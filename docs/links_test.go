// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/eetcd-go/eetcd"

// The documentation shows a name in brackets without a target with its brackets.
func TestLinksInDocCommentsHaveTargets(t *testing.T) {
	there := symbols(t)
	for _, pkg := range append([]string{"."}, packages...) {
		p := parsed(t, pkg)
		links := 0
		for _, text := range comments(p) {
			for _, part := range inline(p.Parser().Parse(text).Content) {
				switch part := part.(type) {
				case comment.Plain:
					if dead := bracketed.FindString(string(part)); dead != "" {
						t.Errorf("package %s: %s is no link in: %.100s…", p.Name, dead, text)
					}
				case *comment.DocLink:
					links++
					if name, ours := target(part); ours && !there[name] && !isPackage(name) {
						t.Errorf("package %s links to %s, which is not there", p.Name, name)
					}
				}
			}
		}
		t.Logf("package %s has %d links", p.Name, links)
	}
}

var bracketed = regexp.MustCompile(`\[\*?(?:[a-z][\w./-]*\.)?[A-Z]\w*(?:\.\w+)?\]`)

// target returns the target of a link as symbols has it, and whether it is in the SDK.
func target(link *comment.DocLink) (name string, ours bool) {
	path, ours := strings.CutPrefix(link.ImportPath, module+"/")
	if !ours {
		return "", false // to the package itself, which go/doc has looked up, or to the standard library
	}
	name = path[strings.LastIndex(path, "/")+1:]
	for _, part := range []string{link.Recv, link.Name} {
		if part != "" {
			name += "." + part
		}
	}
	return name, true
}

func isPackage(name string) bool {
	for _, pkg := range packages {
		if name == path.Base(pkg) {
			return true
		}
	}
	return false
}

// parsed returns the documentation of a package, as go doc has it.
func parsed(t *testing.T, folder string) *doc.Package {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	p, err := doc.NewFromFiles(set, files, strings.TrimSuffix(module+"/"+folder, "/."))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// comments returns the comments that go doc shows for a package.
func comments(p *doc.Package) []string {
	all := []string{p.Doc}
	add := func(values []*doc.Value, funcs []*doc.Func) {
		for _, v := range values {
			all = append(all, v.Doc)
		}
		for _, f := range funcs {
			all = append(all, f.Doc)
		}
	}
	add(p.Consts, p.Funcs)
	add(p.Vars, nil)
	for _, typ := range p.Types {
		all = append(all, typ.Doc)
		add(typ.Consts, typ.Funcs)
		add(typ.Vars, typ.Methods)
	}
	return all
}

// inline returns the texts and links of a comment, without its code.
func inline(blocks []comment.Block) []comment.Text {
	var all []comment.Text
	for _, block := range blocks {
		switch b := block.(type) {
		case *comment.Paragraph:
			all = append(all, b.Text...)
		case *comment.Heading:
			all = append(all, b.Text...)
		case *comment.List:
			for _, item := range b.Items {
				all = append(all, inline(item.Content)...)
			}
		}
	}
	return all
}
