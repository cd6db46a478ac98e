// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// buildTimeout limits a build together with the wait for another process that builds the same.
const buildTimeout = 10 * time.Minute

// recipe says where a server comes from and how it is built.
type recipe struct {
	name, version string
	module        string // with the version to ask for
	main          string // a program
}

// builtBinary returns a binary from the cache directory, and builds it if it is missing.
func builtBinary(parent context.Context, r recipe) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "eetcd", r.name)
	path := filepath.Join(dir, fmt.Sprintf("%s-%s-%s-%s", r.name, r.version, runtime.GOOS, runtime.GOARCH))
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if isFile(path) {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(parent, path+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if isFile(path) {
		return path, nil
	}
	return path, buildOnce(parent, r, path)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// failedBuilds remembers servers that could not be built, so that the tests of a process do not all try in turn.
var failedBuilds struct {
	sync.Mutex
	err map[string]error
}

// buildOnce builds a server into path, unless that has failed in this process before. The caller holds the lock file of
// path.
func buildOnce(parent context.Context, r recipe, path string) error {
	failedBuilds.Lock()
	err := failedBuilds.err[path]
	failedBuilds.Unlock()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(parent, buildTimeout)
	defer cancel()
	// A test's log is not shown until its end, and a silent minute looks like a hang.
	fmt.Fprintf(os.Stderr, "etcdtest: building %s %s, once; this takes a minute or more\n", r.name, r.version)
	err = build(ctx, r, path)
	if err != nil && parent.Err() == nil {
		failedBuilds.Lock()
		defer failedBuilds.Unlock()
		if failedBuilds.err == nil {
			failedBuilds.err = make(map[string]error)
		}
		failedBuilds.err[path] = err
	}
	return err
}

// build compiles a program in a temporary module that requires only the server. The binary appears under its name
// complete or not at all. It needs no C compiler.
func build(parent context.Context, r recipe, path string) error {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "etcdtest-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := map[string]string{"go.mod": "module etcdserver\n\ngo 1.21\n", "main.go": r.main}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	// The go command writes the file, not this process. If this process had it open for writing, a child process could
	// inherit it, and the file could not be run.
	fresh := fmt.Sprintf("%s.new-%d", path, os.Getpid())
	defer os.Remove(fresh)
	steps := [][]string{
		{"get", r.module},
		{"build", "-trimpath", "-ldflags=-s -w", "-o", fresh, "."},
	}
	for _, args := range steps {
		if err := goRun(parent, goCommand, dir, args); err != nil {
			return err
		}
	}
	return os.Rename(fresh, path)
}

func goRun(parent context.Context, goCommand, dir string, args []string) error {
	cmd := exec.CommandContext(parent, goCommand, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GO111MODULE=on", "CGO_ENABLED=0",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "PWD="+dir)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if parent.Err() != nil {
			err = context.Cause(parent)
		}
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, tail(out.String(), 20))
	}
	return nil
}

// tail returns the last n lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
