// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

var versionForm = regexp.MustCompile(`^v?(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?)$`)

// parseVersion turns "3.6.7" and "v3.6.7" into "v3.6.7".
func parseVersion(s string) (string, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		return "", errors.New("a version looks like v3.7.3")
	}
	return "v" + m[1], nil
}

// minorOf returns "3.6" for "v3.6.7".
func minorOf(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// knownVersions holds the version of each binary by its path, so that each is asked once.
var knownVersions sync.Map

// versionOf asks an etcd binary which version it is.
func versionOf(parent context.Context, bin string) (string, error) {
	if known, ok := knownVersions.Load(bin); ok {
		return known.(string), nil
	}
	version, err := askVersion(parent, bin)
	if err == nil {
		knownVersions.Store(bin, version)
	}
	return version, err
}

func askVersion(parent context.Context, bin string) (string, error) {
	ctx, cancel := context.WithTimeout(parent, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, "--version")
	cmd.Env = memberEnv()
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", bin, err)
	}
	for line := range bytes.Lines(out) {
		if v, ok := bytes.CutPrefix(line, []byte("etcd Version:")); ok {
			return parseVersion(string(bytes.TrimSpace(v)))
		}
	}
	return "", fmt.Errorf("%s --version prints no etcd version", bin)
}

// etcdRecipe knows every version since 3.5, in which the server became a module of its own. The go command accepts no
// version of earlier releases, but a commit of 3.4.
func etcdRecipe(version string) (recipe, error) {
	minor := minorOf(version)
	r := recipe{name: "etcd", version: version}
	switch {
	case version == "v3.4.13":
		r.module = "go.etcd.io/etcd@v0.5.0-alpha.5.0.20200824191128-ae9734ed278b"
		r.main = mainCalling("go.etcd.io/etcd/etcdmain", "")
	case olderThan35[minor] || !strings.HasPrefix(minor, "3."):
		return r, fmt.Errorf("the Go module proxy has no etcd %s, set %s to a binary", version, binVariable(minor))
	default:
		r.module = "go.etcd.io/etcd/server/v3@" + version
		r.main = mainCalling("go.etcd.io/etcd/server/v3/etcdmain", "os.Args")
	}
	return r, nil
}

var olderThan35 = map[string]bool{"3.0": true, "3.1": true, "3.2": true, "3.3": true, "3.4": true}

func mainCalling(pkg, args string) string {
	imports := strconv.Quote(pkg)
	if args != "" {
		imports += `; "os"`
	}
	return fmt.Sprintf("package main\n\nimport (%s)\n\nfunc main() { etcdmain.Main(%s) }\n", imports, args)
}

// binVariable returns the environment variable that names a binary of a minor version.
func binVariable(minor string) string { return "ETCD_BIN_" + strings.ReplaceAll(minor, ".", "_") }
