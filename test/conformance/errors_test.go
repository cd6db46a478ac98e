// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3election"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/eetcd-go/eetcd/etcderr"
)

// etcd's package rpctypes has no list of its errors, and a copy here would not notice a new one. So these tests read
// the source code of both packages.

// errorVar is a package variable of the form `ErrName = function(codes.Code, "message")`.
type errorVar struct{ name, code, message string }

func TestEveryServerErrorOfEtcdHasItsSentinel(t *testing.T) {
	source := parse(t, "go.etcd.io/etcd/api/v3/v3rpc/rpctypes")
	theirs, clientNames := errorVars(source), clientNames(source)
	if len(theirs) < 63 {
		t.Fatalf("found only %d errors in etcd's source", len(theirs))
	}
	ours := map[string]errorVar{}
	for _, v := range errorVars(parse(t, "github.com/eetcd-go/eetcd/etcderr")) {
		ours[v.name] = v
	}
	for _, their := range theirs {
		name := clientNames[their.name]
		if name == "" {
			name = "Err" + strings.TrimPrefix(their.name, "ErrGRPC")
		}
		our, found := ours[name]
		delete(ours, name)
		if !found {
			t.Errorf("etcderr has no %s: %s %q", name, their.code, their.message)
			continue
		}
		if our.code != their.code || our.message != their.message {
			t.Errorf("%s is %s %q, etcd's %s %q", name, our.code, our.message, their.code, their.message)
		}
		answers(t, their)
	}

	// The election service's errors are no part of rpctypes: they reach the client as plain text.
	for name, err := range map[string]error{
		"ErrElectionNoLeader":  concurrency.ErrElectionNoLeader,
		"ErrElectionNotLeader": concurrency.ErrElectionNotLeader,
		"ErrMissingLeaderKey":  v3election.ErrMissingLeaderKey,
	} {
		our, found := ours[name]
		delete(ours, name)
		if !found || our.message != err.Error() {
			t.Errorf("%s is %q, etcd's %q", name, our.message, err)
		}
		answers(t, errorVar{name, codes.Unknown.String(), err.Error()})
	}
	for name, v := range ours {
		t.Errorf("%s: etcd has no error %s %q", name, v.code, v.message)
	}
}

// answers checks that a server's answer becomes the sentinel of its message, with the server's code.
func answers(t *testing.T, v errorVar) {
	t.Helper()
	sentinel, ok := etcderr.FromMessage(v.message)
	if !ok {
		t.Errorf("%s: no sentinel for %q", v.name, v.message)
		return
	}
	if got := status.Code(sentinel); got.String() != v.code {
		t.Errorf("%s: the sentinel's code is %v, want %s", v.name, got, v.code)
	}
	answer := status.Error(status.Code(sentinel), v.message)
	err := etcderr.FromRPC(answer, etcderr.Call{Method: "/etcdserverpb.KV/Range", Sent: true})
	if !errors.Is(err, sentinel) {
		t.Errorf("%s: the answer becomes %v, which is not the sentinel", v.name, err)
	}
}

func TestNewServerErrorWouldBeNoticed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "new.go", `package rpctypes
		var ErrGRPCNews = status.Error(codes.FailedPrecondition, "etcdserver: news")
		var ErrNews = Error(ErrGRPCNews)
		var ErrGRPCOldNews = ErrGRPCNews
	`, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	files := []*ast.File{file}
	want := errorVar{"ErrGRPCNews", "FailedPrecondition", "etcdserver: news"}
	if got := errorVars(files); len(got) != 1 || got[0] != want {
		t.Errorf("found %v, want %v", got, want)
	}
	if got := clientNames(files); len(got) != 1 || got["ErrGRPCNews"] != "ErrNews" {
		t.Errorf("found client names %v", got)
	}
}

// parse reads the files of a package without its tests.
func parse(t *testing.T, pkg string) (files []*ast.File) {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", pkg).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	dir := strings.TrimSpace(string(out))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, entry.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// errorVars finds the variables whose value is made of a code and a message. It leaves out aliases of other variables.
func errorVars(files []*ast.File) (found []errorVar) {
	eachErrorCall(files, func(name string, arguments []ast.Expr) {
		if len(arguments) != 2 {
			return
		}
		code, isSelector := arguments[0].(*ast.SelectorExpr)
		text, isLiteral := arguments[1].(*ast.BasicLit)
		if !isSelector || !isLiteral {
			return
		}
		if message, err := strconv.Unquote(text.Value); err == nil {
			found = append(found, errorVar{name, code.Sel.Name, message})
		}
	})
	return found
}

// clientNames maps the names that etcd's server uses to those for its clients: `ErrName = Error(ErrGRPCName)`.
func clientNames(files []*ast.File) map[string]string {
	found := map[string]string{}
	eachErrorCall(files, func(name string, arguments []ast.Expr) {
		if len(arguments) == 1 {
			if server, ok := arguments[0].(*ast.Ident); ok {
				found[server.Name] = name
			}
		}
	})
	return found
}

// eachErrorCall visits the exported variables Err… whose value is the result of a call.
func eachErrorCall(files []*ast.File, visit func(name string, arguments []ast.Expr)) {
	for _, file := range files {
		for _, declaration := range file.Decls {
			group, ok := declaration.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				v := spec.(*ast.ValueSpec)
				for i, value := range v.Values {
					if call, ok := value.(*ast.CallExpr); ok && strings.HasPrefix(v.Names[i].Name, "Err") {
						visit(v.Names[i].Name, call.Args)
					}
				}
			}
		}
	}
}
