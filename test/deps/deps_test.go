// SPDX-License-Identifier: Apache-2.0

// Package deps bounds the number of modules that a user inherits from the SDK.
package deps

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	// The comparison with etcd's client runs `go list`, which needs it in go.mod.
	_ "go.etcd.io/etcd/client/v3"
)

const sdk = "github.com/eetcd-go/eetcd"

// most counts grpc, protobuf, backoff and the four modules that grpc needs.
const most = 7

// withAMap lists the packages that bring an ordered map along, which needs no other module. Only programs that import them get it.
var withAMap = []string{sdk + "/table"}

const orderedMap = "github.com/tidwall/btree"

func TestProgramsNeedAtMostEightModules(t *testing.T) {
	var public []string
	for _, pkg := range golist(t, "../..", "./...") {
		if !strings.HasPrefix(pkg, sdk+"/examples/") && !strings.Contains(pkg, "/internal/") {
			public = append(public, pkg)
		}
	}
	if !slices.Contains(public, sdk+"/gen/etcdserverpb") {
		t.Fatalf("these are not the packages of the SDK: %q", public)
	}
	others := slices.DeleteFunc(slices.Clone(public), func(pkg string) bool { return slices.Contains(withAMap, pkg) })
	ours := modules(t, "../..", others...)
	theirs := modules(t, ".", "go.etcd.io/etcd/client/v3")
	t.Logf("modules in a program that uses the SDK (%d):\n\t%s", len(ours), strings.Join(ours, "\n\t"))
	t.Logf("modules in a program that uses clientv3 (%d):\n\t%s", len(theirs), strings.Join(theirs, "\n\t"))

	if !slices.Contains(ours, sdk) || !slices.Contains(theirs, "go.etcd.io/etcd/client/v3") {
		t.Fatal("a client is missing from its own program")
	}
	if n := len(ours) - 1; n > most {
		t.Errorf("the SDK brings %d modules along, more than %d", n, most)
	}
	if all := modules(t, "../..", public...); len(all) != len(ours)+1 || !slices.Contains(all, orderedMap) {
		t.Errorf("with %q a program needs %q, want %s in addition", withAMap, all, orderedMap)
	}
	if len(ours) >= len(theirs) {
		t.Errorf("the SDK makes a program of %d modules, clientv3 one of %d", len(ours), len(theirs))
	}
}

func TestClientv3OnTheSDKNeedsNoModuleBeyondThoseOfBoth(t *testing.T) {
	const adapter = sdk + "/adapters/clientv3"
	needs := modules(t, "../../adapters/clientv3", adapter)
	t.Logf("modules in a program that uses the adapter (%d):\n\t%s", len(needs), strings.Join(needs, "\n\t"))
	known := append(modules(t, "../..", sdk+"/conn", sdk+"/watch", sdk+"/lease", sdk+"/maintenance"), adapter)
	known = append(known, modules(t, ".", "go.etcd.io/etcd/client/v3")...)
	for _, module := range needs {
		if !slices.Contains(known, module) {
			t.Errorf("the adapter brings %s along, which neither client needs", module)
		}
	}
}

func TestOpenTelemetryComesWithItsOwnModuleOnly(t *testing.T) {
	const observer = sdk + "/otel"
	needs := modules(t, "../../otel", observer)
	t.Logf("modules in a program that uses otel (%d):\n\t%s", len(needs), strings.Join(needs, "\n\t"))
	known := append(modules(t, "../..", sdk+"/conn"), observer)
	logs := []string{"github.com/go-logr/logr", "github.com/go-logr/stdr", "github.com/cespare/xxhash/v2"} // of OpenTelemetry
	for _, module := range needs {
		if !slices.Contains(known, module) && !slices.Contains(logs, module) && !strings.HasPrefix(module, "go.opentelemetry.io/") {
			t.Errorf("otel brings %s along, which neither the SDK nor OpenTelemetry needs", module)
		}
	}
}

// modules returns the modules, sorted, that packages are built from, with their own.
func modules(t *testing.T, dir string, packages ...string) []string {
	t.Helper()
	all := golist(t, dir, append([]string{"-deps", "-f", "{{with .Module}}{{.Path}}{{end}}"}, packages...)...)
	slices.Sort(all)
	return slices.Compact(all)
}

// golist returns the lines of `go list` run in dir.
func golist(t *testing.T, dir string, arguments ...string) []string {
	t.Helper()
	command := exec.Command("go", append([]string{"list"}, arguments...)...)
	command.Dir = dir
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, &stderr)
	}
	return strings.Fields(string(out))
}
