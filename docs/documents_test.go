// SPDX-License-Identifier: Apache-2.0

package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snippets names the documents with Go code, and the files that have each line of it.
var snippets = map[string]string{
	"README.md":        "examples/hello/main.go",
	"docs/tour.md":     "examples/tour/*snippets_test.go",
	"docs/eetcd.md":    "docs/eetcd_snippets_test.go",
	"docs/clientv3.md": "docs/clientv3_snippets_test.go",
}

var (
	goBlock  = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	indented = regexp.MustCompile(`(?m)^.+$`)
)

func TestGoCodeInDocumentsIsCopiedFromCodeThatRuns(t *testing.T) {
	for _, name := range documents(t) {
		blocks := goBlock.FindAllStringSubmatch(read(t, filepath.Join(root, name)), -1)
		if snippets[name] == "" {
			if len(blocks) > 0 {
				t.Errorf("%s has Go code that no test runs", name)
			}
			continue
		}
		if len(blocks) == 0 {
			t.Errorf("%s has no Go code", name)
		}
		files, err := filepath.Glob(filepath.Join(root, snippets[name]))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s matches no file: %v", snippets[name], err)
		}
		source := ""
		for _, file := range files {
			source += read(t, file) + "\n"
		}
		for _, block := range blocks {
			if code := block[1]; !containsCode(source, code) {
				t.Errorf("%s does not have this code of %s:\n%s", snippets[name], name, code)
			}
		}
	}
}

// containsCode reports whether the source has these lines one after the other, at any one depth.
func containsCode(source, code string) bool {
	for range 4 {
		if strings.Contains("\n"+source, "\n"+code) {
			return true
		}
		code = indented.ReplaceAllString(code, "\t$0")
	}
	return false
}

func TestProgramOfTheREADMEPrintsTheDocumentedOutput(t *testing.T) {
	readme := read(t, filepath.Join(root, "README.md"))
	output := regexp.MustCompile(`// Output: (.+)\n`).FindStringSubmatch(read(t, filepath.Join(root, "examples", "hello", "main_test.go")))
	if output == nil || !strings.Contains(readme, "\n"+output[1]+"\n") {
		t.Errorf("the README does not have the output of examples/hello, %q", output)
	}
}

func TestVersionsInTheREADMEAreThoseThatAreTested(t *testing.T) {
	readme := read(t, filepath.Join(root, "README.md"))
	find := func(file, pattern string) string {
		t.Helper()
		found := regexp.MustCompile(pattern).FindStringSubmatch(read(t, filepath.Join(root, filepath.FromSlash(file))))
		if found == nil {
			t.Fatalf("%s does not have %s", file, pattern)
		}
		return found[1]
	}
	const grpc, matrix = `google\.golang\.org/grpc v(\S+)`, `(?m)^MATRIX \?= `
	for _, row := range []string{
		"Go | " + find("go.mod", `(?m)^go (\d+\.\d+)`) + " | " + find("test/go.mod", `(?m)^go (\d+\.\d+)`),
		"`google.golang.org/grpc` | " + find("go.mod", grpc) + " | " + find("Makefile", `(?m)^GRPC_NEWEST \?= v(\S+)`),
		"etcd, and its gRPC proxy | " + find("Makefile", matrix+`v(\S+)`) + " | " + find("Makefile", matrix+`.* v(\S+)\n`),
	} {
		if !strings.Contains(readme, "\n| "+row+" |\n") {
			t.Errorf("the README does not have the row %q", row)
		}
	}
	if newest, run := find("Makefile", matrix+`.* v(\S+)\n`), find("etcdtest/etcdtest.go", `DefaultVersion = "v(\S+)"`); newest != run {
		t.Errorf("make matrix ends with etcd %s, and tests run on %s", newest, run)
	}
}

func TestREADMEHasAtMost200Lines(t *testing.T) {
	if n := strings.Count(read(t, filepath.Join(root, "README.md")), "\n"); n > 200 {
		t.Errorf("it has %d lines, want at most 200: what is longer belongs to docs/", n)
	}
}

// documents returns the paths from the root of all that users and contributors read.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, folder := range []string{"", "docs"} {
		found, err := filepath.Glob(filepath.Join(root, folder, "*.md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			all = append(all, filepath.ToSlash(filepath.Join(folder, filepath.Base(path))))
		}
	}
	if len(all) < 7 {
		t.Fatalf("there are only %q", all)
	}
	return all
}

func TestPathsTargetsAndLinksInDocumentsExist(t *testing.T) {
	targets := targets(t)
	for _, name := range documents(t) {
		text := read(t, filepath.Join(root, name))
		for _, link := range regexp.MustCompile(`\]\(([^)#]*)#?([^)]*)\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			target := filepath.Join(root, name)
			if link[1] != "" {
				target = filepath.Join(root, filepath.Dir(name), link[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to what is not there: %v", name, err)
			} else if link[2] != "" && !anchors(read(t, target))[link[2]] {
				t.Errorf("%s links to a heading that is not there: %s", name, link[0])
			}
		}
		for _, named := range regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(text, -1) {
			if !targets[named[1]] {
				t.Errorf("%s names the target %s, which the Makefile does not have", name, named[1])
			}
		}
		for _, path := range regexp.MustCompile("`(([a-z.]+)/[a-z0-9_/.-]*)`").FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, path[2])); err != nil {
				continue // no folder of this repository, so the path of something else
			}
			if _, err := os.Stat(filepath.Join(root, path[1])); err != nil {
				t.Errorf("%s names what is not there: %v", name, err)
			}
		}
	}
}

// anchors are those that a browser finds the headings of a document by.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		found[strings.ReplaceAll(name, " ", "-")] = true
	}
	return found
}

func targets(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, target := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(read(t, filepath.Join(root, "Makefile")), -1) {
		found[target[1]] = true
	}
	if len(found) == 0 {
		t.Fatal("the Makefile has no targets")
	}
	return found
}
