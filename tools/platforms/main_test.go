// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// module writes a module with these files.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.org/m\n\ngo 1.25\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMistakesAreReportedWithPlatformAndPlace(t *testing.T) {
	dir := module(t, map[string]string{
		"big_test.go": "package m\n\nconst big = 1 << 40\n\nvar _ int = big\n",
		"signal.go":   "package m\n\nimport \"syscall\"\n\nvar _ = syscall.SIGUSR1\n",
		"sum.go":      "package m\n\nimport \"sync/atomic\"\n\nvar n int64\n\nfunc add() { atomic.AddInt64(&n, 1) }\n",
	})
	var out strings.Builder
	failures := run(&out, dir, []string{"linux/386", "linux/arm64", "windows/amd64"})
	var told []string
	for line := range strings.Lines(out.String()) {
		m := regexp.MustCompile(`^(\S+): .*[/\\](\w+\.go):(\d+):`).FindStringSubmatch(line)
		if m == nil {
			t.Errorf("a line without platform or place: %s", line)
			continue
		}
		told = append(told, strings.Join(m[1:], " "))
	}
	want := []string{
		"linux/386 big_test.go 5", "linux/386 sum.go 7", "linux/arm64 sum.go 7", "windows/amd64 signal.go 5", "windows/amd64 sum.go 7",
	}
	if !slices.Equal(told, want) || failures != len(want) {
		t.Errorf("%d mistakes %q, want %q:\n%s", failures, told, want, &out)
	}
}

func TestCorrectModuleReportsNothing(t *testing.T) {
	dir := module(t, map[string]string{
		"sum.go": "package m\n\nimport \"sync/atomic\"\n\nvar n atomic.Int64\n\nfunc add() { n.Add(1) }\n",
	})
	var out strings.Builder
	if failures := run(&out, dir, []string{"linux/arm"}); failures != 0 || out.Len() != 0 {
		t.Errorf("%d mistakes: %s", failures, &out)
	}
}

func TestModuleThatCannotBeCheckedIsAMistake(t *testing.T) {
	dir := module(t, map[string]string{"m.go": "package m\n"})
	for platform, dir := range map[string]string{"linux": dir, "linux/z80": dir, "linux/386": t.TempDir()} {
		var out strings.Builder
		if failures := run(&out, dir, []string{platform}); failures == 0 || out.Len() == 0 {
			t.Errorf("%s: no mistake", platform)
		}
	}
}
