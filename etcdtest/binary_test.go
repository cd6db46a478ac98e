// SPDX-License-Identifier: Apache-2.0

//go:build unix

package etcdtest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// cleanEnv removes the variables that choose the binary, and gives the test its own cache directory.
func cleanEnv(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "ETCD_") {
			t.Setenv(name, "")
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
}

func script(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// fakeGo puts a go command first on the path. It records its calls and builds the given script.
func fakeGo(t *testing.T, built string) (calls func() []string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	script(t, filepath.Join(dir, "etcd"), built)
	script(t, filepath.Join(dir, "go"), `echo "$@" GOFLAGS=$GOFLAGS GOWORK=$GOWORK CGO_ENABLED=$CGO_ENABLED >>`+log+`
[ "$1" = build ] || exit 0
sleep 0.2
while [ "$1" != -o ]; do shift; done
cp `+filepath.Join(dir, "etcd")+` "$2"`)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() []string {
		text, err := os.ReadFile(log)
		if err != nil {
			return nil
		}
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

func TestMissingBinaryFailsTheTestAndNamesBothWays(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
	}{
		{"no file and no go command", map[string]string{"ETCD_BIN": "/nonexistent"}},
		{"no go command", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cleanEnv(t)
			t.Setenv("PATH", t.TempDir())
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			fake := &fakeTB{TB: t}
			reached := false
			fake.run(func() {
				Start(fake)
				reached = true
			})
			if reached || len(fake.errors) != 1 {
				t.Fatalf("the test went on: %v; errors %q", reached, fake.errors)
			}
			for _, want := range []string{"ETCD_BIN", "go command", "Go module proxy", DefaultVersion} {
				if !strings.Contains(fake.errors[0], want) {
					t.Errorf("%q is not in the error: %s", want, fake.errors[0])
				}
			}
		})
	}
}

func TestFailedBuildShowsWhyAndIsTriedOnce(t *testing.T) {
	cleanEnv(t)
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	script(t, filepath.Join(dir, "go"), "echo $1 >>"+log+"\necho no such host: the proxy >&2\nexit 1")
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	for range 3 {
		_, err := Binary(t.Context(), "v3.5.99")
		if err == nil || !strings.Contains(err.Error(), "no such host: the proxy") ||
			!strings.Contains(err.Error(), "ETCD_BIN_3_5") {
			t.Fatalf("error does not tell why: %v", err)
		}
	}
	if calls, err := os.ReadFile(log); err != nil || string(calls) != "get\n" {
		t.Errorf("the go command was called for %q, %v; want one get", calls, err)
	}
}

func TestBinaryIsBuiltOnceByAllThatAskForIt(t *testing.T) {
	cleanEnv(t)
	t.Setenv("GOFLAGS", "-race")
	calls := fakeGo(t, "echo etcd Version: 3.5.98")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			path, err := Binary(t.Context(), "3.5.98")
			if err != nil {
				t.Error(err)
				return
			}
			if version, err := versionOf(t.Context(), path); err != nil || version != "v3.5.98" {
				t.Errorf("%s is %s, %v", path, version, err)
			}
		})
	}
	all.Wait()
	got := calls()
	if len(got) != 2 || !strings.HasPrefix(got[0], "get go.etcd.io/etcd/server/v3@v3.5.98 ") ||
		!strings.HasPrefix(got[1], "build ") {
		t.Fatalf("calls of the go command: %q", got)
	}
	for _, call := range got {
		if !strings.HasSuffix(call, "GOFLAGS=-mod=mod GOWORK=off CGO_ENABLED=0") {
			t.Errorf("environment of the build: %q", call)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(cache, "eetcd", "etcd", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("the cache holds %q, %v; want the binary and its lock", files, err)
	}
}

func TestBuildIsAnnouncedOnce(t *testing.T) {
	cleanEnv(t)
	fakeGo(t, "echo etcd Version: 3.5.96")
	told, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	stderr := os.Stderr
	os.Stderr = told
	defer func() { os.Stderr = stderr }()
	for range 2 {
		if _, err := Binary(t.Context(), "v3.5.96"); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(told.Name())
	if err != nil {
		t.Fatal(err)
	}
	if want := "etcdtest: building etcd v3.5.96"; strings.Count(string(text), want) != 1 {
		t.Errorf("stderr has %q, want %q once", text, want)
	}
}

func TestBuildEndsWithItsContext(t *testing.T) {
	cleanEnv(t)
	dir := t.TempDir()
	script(t, filepath.Join(dir, "go"), "exec sleep 60")
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	parent, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := Binary(parent, "v3.5.97"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	fakeGo(t, "echo etcd Version: 3.5.97")
	if _, err := Binary(t.Context(), "v3.5.97"); err != nil {
		t.Errorf("a build that was called off counts as one that failed: %v", err)
	}
}

func TestEnvironmentChoosesTheBinary(t *testing.T) {
	bin := t.TempDir()
	paths := make(map[string]string)
	for _, version := range []string{"3.4.40", "3.6.1", "3.7.3"} {
		paths[version] = filepath.Join(bin, "etcd-"+version)
		script(t, paths[version], "echo etcd Version: "+version+"\necho Git SHA: none")
	}
	const built = "built"
	for _, tc := range []struct {
		name    string
		env     map[string]string
		version string
		want    string // a path, built, or part of the error
	}{
		{"nothing", nil, "", built},
		{"any version", map[string]string{"ETCD_BIN": paths["3.4.40"]}, "", paths["3.4.40"]},
		{"that very version", map[string]string{"ETCD_BIN": paths["3.6.1"]}, "v3.6.1", paths["3.6.1"]},
		{"not that version", map[string]string{"ETCD_BIN": paths["3.6.1"]}, "v3.6.2", built},
		{"by minor", map[string]string{"ETCD_BIN_3_6": paths["3.6.1"]}, "v3.6.2", paths["3.6.1"]},
		{"by minor first", map[string]string{"ETCD_BIN": "/nonexistent", "ETCD_BIN_3_6": paths["3.6.1"]}, "v3.6.1",
			paths["3.6.1"]},
		{"by minor, another one", map[string]string{"ETCD_BIN_3_6": paths["3.7.3"]}, "v3.6.2", "is etcd v3.7.3, not 3.6"},
		{"version of the environment", map[string]string{"ETCD_VERSION": "3.6.0", "ETCD_BIN_3_6": paths["3.6.1"]}, "",
			paths["3.6.1"]},
		{"version of the environment loses", map[string]string{"ETCD_VERSION": "3.6.0", "ETCD_BIN": paths["3.7.3"]}, "",
			paths["3.7.3"]},
		{"version that is none", map[string]string{"ETCD_VERSION": "new"}, "", `ETCD_VERSION="new"`},
		{"3.4 that the proxy lacks", nil, "v3.4.40", "ETCD_BIN_3_4"},
		{"3.4 that the proxy has", nil, "v3.4.13", built},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cleanEnv(t)
			fakeGo(t, "exit 1")
			for name, value := range tc.env {
				t.Setenv(name, value)
			}
			got, err := Binary(t.Context(), tc.version)
			cache, _ := os.UserCacheDir()
			switch {
			case err != nil:
				if !strings.Contains(err.Error(), tc.want) {
					t.Errorf("error %v, want %q", err, tc.want)
				}
			case tc.want == built:
				if !strings.HasPrefix(got, cache) {
					t.Errorf("%s is not in the cache", got)
				}
			case got != tc.want:
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestMembersInheritNoETCDOrProxyVariables(t *testing.T) {
	t.Setenv("ETCD_AUTO_TLS", "true")
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	for _, kv := range memberEnv() {
		if strings.HasPrefix(kv, "ETCD_AUTO") || strings.HasPrefix(kv, "https_proxy") {
			t.Errorf("a member gets %s", kv)
		}
	}
}
