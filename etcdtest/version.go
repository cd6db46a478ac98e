// SPDX-License-Identifier: Apache-2.0

package etcdtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

var versionForm = regexp.MustCompile(`^v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$`)

// parseVersion turns "3.6.7" and "v3.6.7" into "v3.6.7".
func parseVersion(s string) (string, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		return "", errors.New("a version looks like v3.7.3")
	}
	return "v" + m[1], nil
}

// minorOf is "3.6" for "v3.6.7".
func minorOf(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// versionOf asks an etcd binary which version it is.
func versionOf(parent context.Context, bin string) (string, error) {
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
	return "", fmt.Errorf("%s --version does not speak of an etcd version", bin)
}
