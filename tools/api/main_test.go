// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module with these files.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.org/m\n\ngo 1.25\n"
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEveryExportedSymbolHasALine(t *testing.T) {
	dir := module(t, map[string]string{
		"internal/deep/deep.go": "package deep\n\ntype Claim struct{ Rev int64 }\n\nfunc (c *Claim) Release() error { return nil }\n",
		"gen/pb/pb.go":          "package pb\n\ntype Message struct{}\n",
		"cmd/main.go":           "package main\n\nfunc Exported() {}\n\nfunc main() {}\n",
		"store/store.go": `// Package store has a comment.
package store

import (
	"context"

	"example.org/m/internal/deep"
)

// Limit has a comment.
const Limit = 1 << 10

const hidden = 1

var ErrGone error

type Held = deep.Claim

type Mode uint8

const Fast Mode = 1

type Table[K comparable, V any] struct {
	Name string
	size int
}

func (t *Table[K, V]) Get(key K) (value V, found bool) { return value, t.size > hidden }

type Reader interface{ Read(ctx context.Context, keys ...string) ([]byte, error) }

type embedded struct{}

func (embedded) Promoted() {}

type Outer struct{ embedded }

func Open(parent context.Context, name string) (*Table[string, int], error) { return nil, nil }
`,
	})
	got, err := exported(dir)
	want := `package example.org/m/store

const Fast Mode = 1
const Limit untyped int = 1024
field Held.Rev int64
field Table.Name string
func Open(parent context.Context, name string) (*Table[string, int], error)
method (*Held) Release() error
method (*Table) Get(key K) (value V, found bool)
method (Outer) Promoted()
method (Reader) Read(ctx context.Context, keys ...string) ([]byte, error)
type Held = deep.Claim
type Held struct
type Mode uint8
type Outer struct
type Reader interface
type Table[K comparable, V any] struct
var ErrGone error
`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}

func TestStaleFileIsReportedWithItsDifferences(t *testing.T) {
	dir := module(t, map[string]string{"m.go": "package m\n\nfunc Kept() {}\n\nfunc Gone(n int) {}\n"})
	file := filepath.Join(dir, "api.txt")
	if err := run(nil, dir, file, true); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run(&out, dir, file, false); err != nil || out.Len() > 0 {
		t.Errorf("a fresh file: %v, %s", err, &out)
	}
	if err := os.WriteFile(filepath.Join(dir, "m.go"), []byte("package m\n\nfunc Kept() {}\n\nfunc Gone(n int64) {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(&out, dir, file, false)
	if want := "- example.org/m: func Gone(n int)\n+ example.org/m: func Gone(n int64)\n"; err == nil || out.String() != want {
		t.Errorf("%v, %q, want %q", err, &out, want)
	}
}

func TestModuleThatDoesNotCompileIsAnError(t *testing.T) {
	for name, text := range map[string]string{"wrong": "package m\n\nfunc F() Missing { return nil }\n", "none": ""} {
		files := map[string]string{}
		if text != "" {
			files["m.go"] = text
		}
		if got, err := exported(module(t, files)); err == nil {
			t.Errorf("%s: no error, but %q", name, got)
		}
	}
}
